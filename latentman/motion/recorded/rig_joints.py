"""From the joints of a skeleton to HumanML3D's 22, with what the rig lacks filled in.

Rigs differ in the spine, the collars and the toes, and some put two joints in the same place (cgspeed's CMU files: hips
and lower back, upper spine and collars; others both collars, or both collars and the neck). The bone between them has
no direction, so such a joint counts as lacking and is placed between its neighbours, in the proportions of HumanML3D's
template.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from latentman.errors import DataError
from latentman.motion.recorded.rigs import JOINT_NAMES, Rig, locate
from latentman.motion.recorded.skeleton_clip import SkeletonClip
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

_LIMBS = (*KNEES, *ANKLES, *ELBOWS, *WRISTS, *SHOULDERS)
"""Bones, by their lower joint, without which there is no motion to show."""

_TOUCHING = 0.01
"""Two joints nearer than this part of a leg's length are in the same place."""

_COLLAR = {SPINE3: 0.35, NECK: 0.25}
"""Where a collar lies between chest, neck and its shoulder (which has the rest), as in HumanML3D's template."""


def rig_joints(clip: SkeletonClip, rig: Rig) -> Array:
    """Return HumanML3D's joints (T, 22, 3) of a skeleton, in its own unit and axes.

    Raises:
        DataError: if a limb's bone has no length.
    """
    positions = clip.positions
    found: dict[int, Array] = {}
    children: dict[int, int] = {}
    for joint, name in enumerate(JOINT_NAMES):
        place = locate(rig.joints[name], clip.names) if name in rig.joints else None
        if place is not None:
            first, second, fraction = place
            found[joint] = positions[:, first] * (1 - fraction) + positions[:, second] * fraction
            children[joint] = next((i for i, parent in enumerate(clip.parents) if parent == first), -1)
    found.setdefault(PELVIS, (found[HIPS[0]] + found[HIPS[1]]) / 2)
    leg = _length(found[HIPS[0]], found[KNEES[0]]) + _length(found[KNEES[0]], found[ANKLES[0]])
    near = _TOUCHING * leg
    below = {joint: positions[:, child] for joint, child in children.items() if child >= 0}
    _fill_head(found, below, near)
    _fill_spine(found, near)
    _fill_collars(found, near)
    _fill_toes(found, below, near)
    joints = np.stack([found[joint] for joint in range(len(PARENTS))], axis=1)
    _check_limbs(clip, joints, near)
    return joints


def _length(first: Array, second: Array) -> float:
    """Return the median distance of two joints (T, 3)."""
    return float(np.median(np.linalg.norm(second - first, axis=-1)))


def _fill_head(found: dict[int, Array], below: dict[int, Array], near: float) -> None:
    """Give a file without a head the end of its neck, and one without a neck a place above the shoulders."""
    shoulders = (found[SHOULDERS[0]] + found[SHOULDERS[1]]) / 2
    if NECK not in found:
        found[NECK] = shoulders * 0.75 + found[HEAD] * 0.25
    if HEAD in found and _length(found[NECK], found[HEAD]) > near:
        return
    end = below.get(NECK)
    if end is not None and _length(found[NECK], end) > near:
        found[HEAD] = end
    else:
        found[HEAD] = found[NECK] + (found[NECK] - found[PELVIS]) * _share((HEAD,), (SPINE1, SPINE2, SPINE3, NECK))


def _share(part: tuple[int, ...], whole: tuple[int, ...]) -> float:
    return float(BONE_LENGTHS[list(part)].sum() / BONE_LENGTHS[list(whole)].sum())


def _fill_spine(found: dict[int, Array], near: float) -> None:
    """Place the spine's joints that are lacking, or in the place of a neighbour, between those that are there."""
    chain = (PELVIS, SPINE1, SPINE2, SPINE3, NECK)
    kept = [PELVIS]
    for joint in chain[1:-1]:
        apart = joint in found and min(_length(found[k], found[joint]) for k in (kept[-1], NECK)) > near
        if apart:
            kept.append(joint)
    kept.append(NECK)
    for low, high in pairwise(kept):
        between = chain[chain.index(low) + 1 : chain.index(high) + 1]
        for index, joint in enumerate(between[:-1], start=1):
            fraction = _share(between[:index], between)
            found[joint] = found[low] * (1 - fraction) + found[high] * fraction


def _fill_collars(found: dict[int, Array], near: float) -> None:
    """Place collars between chest, neck and shoulder where they are lacking, or in the place of a neighbour.

    Collars at one point would give the chest no left and right, whether that point is the neck, the chest, or neither.
    """
    middle = sum(weight * found[joint] for joint, weight in _COLLAR.items())
    touching = [
        collar not in found or min(_length(found[collar], found[joint]) for joint in (SPINE3, NECK, shoulder)) <= near
        for collar, shoulder in zip(COLLARS, SHOULDERS, strict=True)
    ]
    if not any(touching) and _length(found[COLLARS[0]], found[COLLARS[1]]) <= near:
        touching = [True, True]
    for collar, shoulder, replaced in zip(COLLARS, SHOULDERS, touching, strict=True):
        if replaced:
            found[collar] = middle + (1 - sum(_COLLAR.values())) * found[shoulder]


def _fill_toes(found: dict[int, Array], below: dict[int, Array], near: float) -> None:
    """Take the end of the foot where there are no toes, or let the foot point straight ahead."""
    across = found[HIPS[0]] - found[HIPS[1]]
    ahead = np.cross(across, found[NECK] - found[PELVIS])
    ahead /= np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-12)
    for knee, ankle, toe in zip(KNEES, ANKLES, TOES, strict=True):
        if toe in found and _length(found[ankle], found[toe]) > near:
            continue
        end = below.get(ankle)
        if end is not None and _length(found[ankle], end) > near:
            found[toe] = end
        else:
            foot = _length(found[knee], found[ankle]) * _share((toe,), (ankle,))
            found[toe] = found[ankle] + foot * ahead


def _check_limbs(clip: SkeletonClip, joints: Array, near: float) -> None:
    for joint in (*HIPS, *_LIMBS):
        parent = PARENTS[joint]
        if _length(joints[:, parent], joints[:, joint]) <= near / 10:
            raise DataError(
                f"{clip.path}: {JOINT_NAMES[joint]} and {JOINT_NAMES[parent]} are in the same place, so their bone has "
                "no direction; map them to joints that are apart in a rig file (motion.rig=FILE, --rig FILE)"
            )
