"""What was found in a motion file, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentman.motion.plausible.finding import Finding
from latentman.motion.recorded.door import Clip
from latentman.motion.recorded.rigs import JOINT_NAMES
from latentman.motion.recorded.units import leg_length
from latentman.motion.skeleton import HEAD, PELVIS

_SIDES = {
    "none": "as in the file",
    "axes": "one axis flipped, as of left-handed axes",
    "sides": "left and right exchanged",
    "image": "mirror image",
}
_FILLED = "(none: placed between its neighbours)"


@dataclass(frozen=True, slots=True)
class Inspected:
    """A clip, the ``warnings`` of reading it, and what is implausible in it."""

    clip: Clip
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def doubtful(self) -> bool:
        """Whether there is anything to look after."""
        return bool(self.warnings or self.findings)


def describe(inspected: Inspected) -> str:
    """Return the lines that ``latentman motion inspect`` prints."""
    clip = inspected.clip
    recording, joints = clip.recording, clip.joints
    height = float(np.median(joints[:, HEAD, 1] - joints[..., 1].min(axis=1)))
    path = float(np.linalg.norm(np.diff(joints[:, PELVIS], axis=0), axis=-1).sum())
    rows = [
        ("file", str(recording.path)),
        ("rig", recording.rig or ("SMPL poses" if recording.joints is None else "joints in HumanML3D's order")),
        ("rate", f"{clip.fps:g} frames a second{f' ({recording.rate_stated})' if recording.rate_stated else ''}"),
        ("length", f"{len(joints)} frames, {(len(joints) - 1) / clip.fps:.2f} s, {clip.skipped} skipped in front"),
        ("up", f"{clip.up.axis.upper()}: {clip.up.evidence}"),
        (
            "forward",
            "where the body faces in the first frame" if clip.yaw is None else f"{np.degrees(clip.yaw):.0f} degrees",
        ),
        ("sides", _SIDES[clip.mirror]),
        ("unit", f"{clip.unit}; legs of {leg_length(joints):.2f} m, head {height:.2f} m above the lowest joint"),
        ("path", f"the pelvis travels {path:.2f} m, {path * clip.fps / (len(joints) - 1):.2f} m/s"),
        ("set apart", ", ".join(clip.apart) or "no joints shared a point"),
    ]
    lines = [f"{name + ':':<11}{text}" for name, text in rows]
    if recording.mapping:
        lines.append("joints:")
        lines += [f"  {name:<15}{recording.mapping.get(name, _FILLED)}" for name in JOINT_NAMES]
    notes = [*inspected.warnings, *(finding.text(clip.skipped) for finding in inspected.findings)]
    lines.append("findings:" if notes else "findings:  none")
    lines += [f"  - {note}" for note in notes]
    return "\n".join([*lines, ""])
