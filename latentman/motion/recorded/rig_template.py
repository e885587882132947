"""A rig file to be completed by the user, filled in as far as a file's joints are known."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from latentman.motion.recorded.rigs import JOINT_NAMES, NEEDED, Rig, locate

_MOST_NAMES = 200


def rig_template(rig: Rig, names: Sequence[str]) -> str:
    """Return the text of a YAML rig file for a file with these joints.

    Joints that the rig finds are filled in; the others are comments, followed by the joints of the file that are left.
    """
    places = {joint: locate(source, names) for joint, source in rig.joints.items()}
    lines = ["joints:"]
    used: set[int] = set()
    for joint in JOINT_NAMES:
        place = places.get(joint)
        if place is None:
            lines.append(f"  # {joint}: NAME{'  # needed' if joint in NEEDED else ''}")
            continue
        first, second, fraction = place
        used.update((first, second))
        value = _quoted(names[first])
        lines.append(
            f"  {joint}: " + (value if first == second else f"[{value}, {_quoted(names[second])}, {fraction}]")
        )
    left = [name for index, name in enumerate(names) if index not in used]
    shown = ", ".join(left[:_MOST_NAMES]) + (", ..." if len(left) > _MOST_NAMES else "")
    if left:
        lines.append(f"# not used yet: {shown}")
    return "\n".join(lines)


def _quoted(name: str) -> str:
    """Return a joint's name as YAML writes it."""
    text = yaml.safe_dump(name, allow_unicode=True, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()
