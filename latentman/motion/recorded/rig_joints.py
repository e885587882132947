"""From the joints of a skeleton to HumanML3D's 22, with what the rig lacks filled in.

Rigs differ in the spine, the collars and the toes. A joint that the rig lacks is put on a neighbour, and
:mod:`~latentman.motion.recorded.shared_points` then places it like any other joint that shares a point. Heads and toes
are first looked for at the ends of the skeleton's neck and feet.
"""

from __future__ import annotations

import numpy as np

from latentman.motion.recorded.rigs import JOINT_NAMES, Rig, locate
from latentman.motion.recorded.shared_points import TOUCHING, set_apart
from latentman.motion.recorded.skeleton_clip import SkeletonClip
from latentman.motion.skeleton import (
    ANKLES,
    COLLARS,
    HEAD,
    HIPS,
    KNEES,
    NECK,
    PARENTS,
    PELVIS,
    SHOULDERS,
    SPINE1,
    SPINE2,
    SPINE3,
    TOES,
)
from latentman.types import Array


def rig_joints(clip: SkeletonClip, rig: Rig) -> Array:
    """Return HumanML3D's joints (T, 22, 3) of a skeleton, in its own unit and axes."""
    positions = clip.positions
    found: dict[int, Array] = {}
    below: dict[int, Array] = {}
    for joint, name in enumerate(JOINT_NAMES):
        place = locate(rig.joints[name], clip.names) if name in rig.joints else None
        if place is not None:
            first, second, fraction = place
            found[joint] = positions[:, first] * (1 - fraction) + positions[:, second] * fraction
            child = next((index for index, parent in enumerate(clip.parents) if parent == first), None)
            if child is not None:
                below[joint] = positions[:, child]
    found.setdefault(PELVIS, (found[HIPS[0]] + found[HIPS[1]]) / 2)
    near = TOUCHING * (_length(found[HIPS[0]], found[KNEES[0]]) + _length(found[KNEES[0]], found[ANKLES[0]]))
    if NECK not in found:
        found[NECK] = (found[SHOULDERS[0]] + found[SHOULDERS[1]]) / 2 * 0.75 + found[HEAD] * 0.25
    for joint in (SPINE1, SPINE2, SPINE3):
        found.setdefault(joint, found[PARENTS[joint]])
    for collar, shoulder in zip(COLLARS, SHOULDERS, strict=True):
        found.setdefault(collar, found[shoulder])
    for joint in (HEAD, *TOES):
        found[joint] = _end(found, below, joint, near)
    joints, _ = set_apart(np.stack([found[joint] for joint in range(len(PARENTS))], axis=1))
    return joints


def _end(found: dict[int, Array], below: dict[int, Array], joint: int, near: float) -> Array:
    """Return a head or toe (T, 3): the rig's own, else the end of the neck or foot, else its parent."""
    parent = PARENTS[joint]
    for place in (found.get(joint), below.get(parent)):
        if place is not None and _length(found[parent], place) > near:
            return place
    return found[parent]


def _length(first: Array, second: Array) -> float:
    """Return the median distance of two joints (T, 3)."""
    return float(np.median(np.linalg.norm(second - first, axis=-1)))
