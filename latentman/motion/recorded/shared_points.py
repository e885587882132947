"""Joints that share a point with a neighbour, between which a bone has no direction: placed where they belong.

Some skeletons put joints in the same place: hips and lower back, collars and neck, both collars, head and neck. Such a
skeleton looks right and breaks a fit, since the direction of a bone without length is noise. Every such
joint is compared with all its neighbours, and placed between those that are apart, in the proportions of HumanML3D's
template.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from latentman.errors import DataError
from latentman.motion.recorded.rigs import JOINT_NAMES
from latentman.motion.recorded.units import leg_length
from latentman.motion.skeleton import (
    ANKLES,
    BONE_LENGTHS,
    COLLARS,
    ELBOWS,
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
    WRISTS,
)
from latentman.types import Array

TOUCHING = 0.01
"""Two joints nearer than this part of a leg's length are in the same place."""

_NO_BONE = 0.001
"""Part of a leg's length below which a limb's bone has no direction."""

_SPINE = (PELVIS, SPINE1, SPINE2, SPINE3, NECK)
_COLLAR = {SPINE3: 0.35, NECK: 0.25}
"""Where a collar is between chest, neck and its shoulder (which has the rest), as in HumanML3D's template."""

_LIMBS = (*KNEES, *ANKLES, *ELBOWS, *WRISTS)
"""Bones, by their lower joint, without which there is no motion to show."""

_PAIRS = (HIPS, SHOULDERS)
"""Left and right joints whose line shows how the pelvis and the chest are turned."""


def check_limbs(joints: Array, path: Path) -> None:
    """Refuse joints (T, 22, 3), in any unit, some bone of whose limbs has no length.

    Raises:
        DataError: naming the two joints that are in the same place.
    """
    near = _NO_BONE * leg_length(joints)
    if near <= 0:
        raise DataError(f"{path}: the legs have no length; check which joints are mapped, or their order")
    for first, second in (*((PARENTS[j], j) for j in _LIMBS), *_PAIRS):
        if _distance(joints, first, second) <= near:
            raise DataError(
                f"{path}: {JOINT_NAMES[second]} and {JOINT_NAMES[first]} are in the same place, so the bone between "
                "them has no direction; map them to joints that are apart in a rig file (motion.rig=FILE, --rig FILE), "
                "or repair the joints"
            )


def set_apart(joints: Array) -> tuple[Array, tuple[str, ...]]:
    """Return joints (T, 22, 3) of which none shares a point with a neighbour, and the names of those that did."""
    near = TOUCHING * leg_length(joints)
    placed = joints.copy()
    moved: list[int] = []
    moved += _neck(placed, near)
    moved += _spine(placed, near)
    moved += _collars(placed, near)
    moved += _head(placed, near)
    moved += _toes(placed, near)
    return (placed if moved else joints), tuple(JOINT_NAMES[joint] for joint in moved)


def _distance(joints: Array, first: int, second: int) -> float:
    """Return the median distance of two joints of (T, 22, 3)."""
    return float(np.median(np.linalg.norm(joints[:, second] - joints[:, first], axis=-1)))


def _touches(joints: Array, joint: int, others: tuple[int, ...], near: float) -> bool:
    return min(_distance(joints, joint, other) for other in others) <= near


def _share(part: tuple[int, ...], whole: tuple[int, ...]) -> float:
    return float(BONE_LENGTHS[list(part)].sum() / BONE_LENGTHS[list(whole)].sum())


def _neck(joints: Array, near: float) -> list[int]:
    """Place a neck that is on the chest, below the shoulders, between them and the head.

    Above the shoulders, it is the chest that is in the wrong place, and :func:`_spine` finds it one.
    """
    shoulders = joints[:, list(SHOULDERS)].mean(axis=1)
    above = ((joints[:, NECK] - shoulders) * (joints[:, HEAD] - joints[:, PELVIS])).sum(axis=-1)
    if not _touches(joints, NECK, (SPINE3,), near) or np.median(above) > 0:
        return []
    joints[:, NECK] = shoulders * 0.75 + joints[:, HEAD] * 0.25
    return [NECK]


def _spine(joints: Array, near: float) -> list[int]:
    """Place joints of the spine that are on a neighbour between those that are not."""
    kept = [PELVIS]
    for joint in _SPINE[1:-1]:
        if not _touches(joints, joint, (kept[-1], NECK), near):
            kept.append(joint)
    moved: list[int] = []
    for low, high in pairwise([*kept, NECK]):
        between = _SPINE[_SPINE.index(low) + 1 : _SPINE.index(high) + 1]
        for index, joint in enumerate(between[:-1], start=1):
            fraction = _share(between[:index], between)
            joints[:, joint] = joints[:, low] * (1 - fraction) + joints[:, high] * fraction
            moved.append(joint)
    return moved


def _collars(joints: Array, near: float) -> list[int]:
    """Place collars that are on each other, the neck, the spine or the shoulder between chest, neck and shoulder."""
    touching = {
        collar: _touches(joints, collar, (SPINE2, SPINE3, NECK, HEAD, SHOULDERS[side]), near)
        for side, collar in enumerate(COLLARS)
    }
    if _distance(joints, *COLLARS) <= near:
        touching = dict.fromkeys(COLLARS, True)
    middle = sum(weight * joints[:, joint] for joint, weight in _COLLAR.items())
    for collar, shoulder in zip(COLLARS, SHOULDERS, strict=True):
        if touching[collar]:
            joints[:, collar] = middle + (1 - sum(_COLLAR.values())) * joints[:, shoulder]
    return [collar for collar in COLLARS if touching[collar]]


def _head(joints: Array, near: float) -> list[int]:
    """Place a head that is on the neck in line with the spine."""
    if not _touches(joints, HEAD, (NECK,), near):
        return []
    joints[:, HEAD] = joints[:, NECK] + (joints[:, NECK] - joints[:, PELVIS]) * _share((HEAD,), _SPINE[1:])
    return [HEAD]


def _toes(joints: Array, near: float) -> list[int]:
    """Let a foot whose toes are on the ankle point straight ahead."""
    ahead = np.cross(joints[:, HIPS[0]] - joints[:, HIPS[1]], joints[:, NECK] - joints[:, PELVIS])
    ahead /= np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-12)
    moved = [toe for ankle, toe in zip(ANKLES, TOES, strict=True) if _touches(joints, toe, (ankle,), near)]
    for toe in moved:
        ankle = PARENTS[toe]
        joints[:, toe] = joints[:, ankle] + _distance(joints, PARENTS[ankle], ankle) * _share((toe,), (ankle,)) * ahead
    return moved
