"""Which rig a skeleton's joints belong to: by their names, else by its shape."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from latentman.errors import ConfigError, DataError, nearest
from latentman.motion.recorded.rig_shape import match_shape
from latentman.motion.recorded.rig_template import rig_template
from latentman.motion.recorded.rigs import NEEDED, RIG_TABLE, RIGS, Rig, locate
from latentman.motion.recorded.skeleton_clip import SkeletonClip

log = logging.getLogger("latentman.motion")

_CHAINS = tuple(
    tuple(f"{side}_{joint}" for joint in limb)
    for side in ("left", "right")
    for limb in (("hip", "knee", "ankle", "foot"), ("collar", "shoulder", "elbow", "wrist"))
)

_MISPLACED = 3
"""Joints that a rig must explain more than another one for each joint that it finds in an impossible place."""


def missing(rig: Rig, names: Sequence[str]) -> list[str]:
    """Return the needed joints for which a file with these joint names has no source."""
    there = {joint for joint, source in rig.joints.items() if locate(source, names) is not None}
    lacking = [joint for joint in NEEDED if joint not in there]
    return lacking if {"neck", "head"} & there else [*lacking, "neck or head"]


def choose_rig(wanted: str, clip: SkeletonClip) -> Rig:
    """Return the rig that ``motion.rig`` names, or for "auto" the one that explains most joints of a skeleton.

    Args:
        wanted: "auto", a known rig's name, or the path of a YAML file.
        clip: the skeleton; where no names fit, "auto" looks at its shape.

    Raises:
        ConfigError: if there is no such rig, or its file is not valid.
        DataError: if the skeleton lacks joints that the rig needs.
    """
    if wanted == "auto":
        return _by_names_or_shape(clip)
    rig = _named_rig(wanted, clip)
    lacking = missing(rig, clip.names)
    if lacking:
        raise _not_found(clip, rig, lacking, f"rig {rig.name} finds nothing for")
    return rig


def _named_rig(wanted: str, clip: SkeletonClip) -> Rig:
    if wanted in RIGS:
        return RIGS[wanted]
    if Path(wanted).suffix.lower() in (".yaml", ".yml"):
        from latentman.motion.recorded.rig_file import read_rig

        return read_rig(Path(wanted), clip.names, clip.path)
    raise ConfigError(
        f"motion.rig='{wanted}' is unknown: choose auto, {', '.join(RIGS)}, or a YAML file of your own"
        f"{nearest(wanted, ['auto', *RIGS])}"
    )


def _by_names_or_shape(clip: SkeletonClip) -> Rig:
    best = max(RIG_TABLE, key=lambda rig: (not missing(rig, clip.names), _fit(rig, clip)))
    lacking = missing(best, clip.names)
    if not lacking and not _misplaced(best, clip):
        return best
    shaped = match_shape(clip)
    if shaped is not None:
        log.warning(
            "%s: no known rig fits its joints' names, so they were found by the skeleton's shape: %s; if that is not "
            "right, name them in a rig file (motion.rig=FILE)",
            clip.path,
            ", ".join(f"{joint} {source}" for joint, source in shaped.joints.items()),
        )
        return shaped
    if lacking:
        what = f"no known rig fits, and the skeleton's shape is not clearly a person's; the nearest rig, {best.name},"
        raise _not_found(clip, best, lacking, f"{what} finds nothing for")
    return best


def _fit(rig: Rig, clip: SkeletonClip) -> int:
    """Return how many joints of a skeleton a rig explains, less what it finds in impossible places."""
    found = sum(locate(source, clip.names) is not None for source in rig.joints.values())
    return found - _MISPLACED * _misplaced(rig, clip)


def _misplaced(rig: Rig, clip: SkeletonClip) -> int:
    """Return how many joints of limbs are not below the limb's joint before them."""
    wrong = 0
    for chain in _CHAINS:
        places = [locate(rig.joints[joint], clip.names) for joint in chain if joint in rig.joints]
        joints = [place[0] for place in places if place is not None]
        wrong += sum(not clip.descends(low, high) for high, low in pairwise(joints))
    return wrong


def _not_found(clip: SkeletonClip, rig: Rig, lacking: Sequence[str], what: str) -> DataError:
    names = clip.names
    return DataError(
        f"{clip.path}: {what} {', '.join(lacking)} among the joints "
        f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}; known rigs are {', '.join(RIGS)}\n"
        "complete this as a file such as my_rig.yaml and give it as motion.rig=my_rig.yaml (--rig my_rig.yaml):\n"
        f"{rig_template(rig, names)}"
    )
