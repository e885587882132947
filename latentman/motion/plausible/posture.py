"""The posture of every frame: chest, head, knees and elbows."""

from __future__ import annotations

import numpy as np

from latentman.motion.plausible.finding import RIG, SIDES, Finding, angle, finding, turned
from latentman.motion.rotations import kabsch, unit
from latentman.motion.skeleton import (
    ANKLES,
    BONE_LENGTHS,
    COLLARS,
    ELBOWS,
    HEAD,
    HIPS,
    KNEES,
    NECK,
    PELVIS,
    REST,
    SHOULDERS,
    SPINE1,
    SPINE3,
    WRISTS,
    Floats,
)

CHEST_ANGLE = 30.0
"""Degrees between the chest's left-right axis and the line between the shoulders; recorded clips reach 14."""

TORSO_TWIST = 160.0
"""Degrees that the chest is turned against the pelvis; a ballet jump reaches 137."""

_BENT = 25.0
"""Degrees between thigh and shin below which a knee is too straight to show its side."""

_FOLDED = 45.0
_HANGING = 0.8
_SHARE = 0.25
"""Part of all knees or elbows that must bend backwards; recorded clips reach 0.05."""

PIECES = {"pelvis": (PELVIS, (*HIPS, SPINE1)), "chest": (SPINE3, (NECK, *COLLARS))}
"""The joints that move as one rigid piece with pelvis and chest."""


def piece_rotations(joints: Floats, piece: str) -> Floats:
    """Return how the "pelvis" or the "chest" is turned, (T, 3, 3), found from its joints as a fit of the body does."""
    joint, children = PIECES[piece]
    shape = np.stack([np.zeros(3), *(REST[child] * BONE_LENGTHS[child] for child in children)])
    places = joints[:, [joint, *children]]
    rotations: Floats = kabsch(shape - shape.mean(axis=0), places - places.mean(axis=1, keepdims=True))
    return rotations


def chest(joints: Floats) -> Finding | None:
    """Compare the chest with the line between the shoulders."""
    shoulders = unit(joints[:, SHOULDERS[0]] - joints[:, SHOULDERS[1]])
    degrees = angle(piece_rotations(joints, "chest")[:, :, 0], shoulders)
    what = f"the chest is turned up to {degrees.max():.0f} degrees away from the line between the shoulders"
    return finding(what, degrees > CHEST_ANGLE, f"the collars or the neck are wrong: {RIG}")


def torso(joints: Floats) -> Finding | None:
    """Compare the chest with the pelvis."""
    degrees = turned(piece_rotations(joints, "pelvis"), piece_rotations(joints, "chest"))
    what = f"the chest is turned up to {degrees.max():.0f} degrees against the pelvis"
    return finding(what, degrees > TORSO_TWIST, f"the sides of hips and shoulders disagree: {SIDES}")


def head(joints: Floats) -> Finding | None:
    """Compare the head with the spine, above whose end it belongs."""
    along = (unit(joints[:, HEAD] - joints[:, NECK]) * unit(joints[:, NECK] - joints[:, PELVIS])).sum(axis=-1)
    return finding("the head is below the neck along the spine", along < 0, f"neck or head are wrong: {RIG}")


def knees(joints: Floats) -> Finding | None:
    """Look for knees that bend to the back."""
    across = joints[:, HIPS[0]] - joints[:, HIPS[1]]
    ahead = unit(np.cross(across, joints[:, NECK] - joints[:, PELVIS]))
    thigh = unit(joints[:, list(KNEES)] - joints[:, list(HIPS)])
    shin = unit(joints[:, list(ANKLES)] - joints[:, list(KNEES)])
    backwards = (angle(thigh, shin) > _BENT) & ((unit(thigh - shin) * ahead[:, None]).sum(axis=-1) < -0.3)
    if backwards.mean() < _SHARE:
        return None
    return finding("the knees bend backwards", backwards.any(axis=1), f"left and right are exchanged: {SIDES}")


def elbows(joints: Floats) -> Finding | None:
    """Look for forearms below hanging upper arms that fold to the back; elsewhere an elbow may bend anywhere."""
    turn = piece_rotations(joints, "chest")
    upper = unit(joints[:, list(ELBOWS)] - joints[:, list(SHOULDERS)])
    fore = unit(joints[:, list(WRISTS)] - joints[:, list(ELBOWS)])
    hanging = (upper * -turn[:, None, :, 1]).sum(axis=-1) > _HANGING
    behind = (unit(fore - upper) * turn[:, None, :, 2]).sum(axis=-1) < -0.5
    backwards = hanging & behind & (angle(upper, fore) > _FOLDED)
    if backwards.mean() < _SHARE:
        return None
    return finding("the elbows bend backwards", backwards.any(axis=1), f"left and right are exchanged: {SIDES}")
