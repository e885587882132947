"""Analytic inverse kinematics: rotations of 24 joints from the positions of 22, all frames at once.

Twenty-two points do not tell how far a limb is turned about its own axis. The bend of the elbow or knee tells it, the
better the more it is bent; a straight limb takes it from its neighbours in time.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from latentman.body.rotations import from_axis_angle, kabsch, perpendicular, slerp, swing, unit
from latentman.body.skeleton import CHILDREN, NUM_BODY_JOINTS, PARENTS
from latentman.types import Array

RIGID_JOINTS = (0, 9)
"""Joints whose three children move as one rigid piece: the pelvis and the chest."""

_FORWARD = np.array([0.0, 0.0, 1.0])
_FOOT_SHARE = 0.5
"""How much the direction of the foot says about the turn of the leg, relative to the bend of the knee."""

_TWIST_SMOOTHNESS = 0.3
_TWIST_PRIOR = 0.02


def solve_rotations(offsets: Array, joints: Array) -> Array:
    """Return global rotations (T, 24, 3, 3) that pose bones ``offsets`` (24, 3) like the ``joints`` (T, 22, 3).

    Exact where the bones have the lengths of the joints. The head goes with the neck, hands with forearms.
    """
    rotations = np.tile(np.eye(3), (len(joints), NUM_BODY_JOINTS, 1, 1))
    for joint in RIGID_JOINTS:
        children = list(CHILDREN[joint])
        rotations[:, joint] = kabsch(offsets[children], joints[:, children] - joints[:, [joint]])
    pelvis, chest = rotations[:, 0], rotations[:, 9]
    for joint, child, start in (
        (3, 6, slerp(pelvis, chest, 1 / 3)),
        (6, 9, slerp(pelvis, chest, 2 / 3)),
        (12, 15, chest),
        (13, 16, chest),
        (14, 17, chest),
    ):
        rotations[:, joint] = _aim(offsets, joints, joint, child, start)
    rotations[:, 15] = rotations[:, 12]
    for hip in (1, 2):
        _solve_limb(rotations, offsets, joints, hip, bend=-_FORWARD, foot_share=_FOOT_SHARE)
    for shoulder in (16, 17):
        _solve_limb(rotations, offsets, joints, shoulder, bend=_FORWARD, foot_share=0.0)
    return rotations


def to_local(rotations: Array) -> Array:
    """Turn global rotations (T, 24, 3, 3) into each joint's rotation in its parent's frame."""
    local = rotations.copy()
    local[:, 1:] = rotations[:, list(PARENTS[1:])].swapaxes(-1, -2) @ rotations[:, 1:]
    return local


def smooth_twist(votes: Array) -> Array:
    """Return angles (T,) from complex votes (T,), whose modulus is the trust in them, 0 for none.

    Solves min_y sum_t |v_t|^2 |y_t - v_t/|v_t||^2 + 0.3 |y_t+1 - y_t|^2 + 0.02 |y_t - 1|^2 and returns arg y: without
    it, an arm that passes through straight flips about its axis from one frame to the next.
    """
    trust = np.abs(votes) ** 2
    links = np.full(len(votes) - 1, _TWIST_SMOOTHNESS)
    bands = np.zeros((2, len(votes)))
    bands[0, 1:] = -links
    bands[1] = trust + _TWIST_PRIOR
    bands[1, :-1] += links
    bands[1, 1:] += links
    wanted = votes * np.abs(votes) + _TWIST_PRIOR
    if len(votes) == 1:  # LAPACK's tridiagonal solver takes no system of one row
        return np.angle(wanted / bands[1])
    return np.angle(solveh_banded(bands, wanted))


def _aim(offsets: Array, joints: Array, joint: int, child: int, start: Array) -> Array:
    """Return ``start`` (T, 3, 3) turned by the least angle that points the bone joint-child at the child."""
    return swing(start @ offsets[child], joints[:, child] - joints[:, joint]) @ start


def _solve_limb(rotations: Array, offsets: Array, joints: Array, upper: int, *, bend: Array, foot_share: float) -> None:
    """Fill in the rotations of a leg or arm from its hip or shoulder ``upper`` down.

    ``bend`` is the direction, in the T-pose, to which the lower bone bends away from the line of the upper one.
    """
    middle = CHILDREN[upper][0]
    lower = CHILDREN[middle][0]
    end = CHILDREN[lower][0]
    aimed = _aim(offsets, joints, upper, middle, rotations[:, PARENTS[upper]])
    axis = unit(joints[:, middle] - joints[:, upper])
    present = unit(perpendicular(aimed @ bend, axis))
    wanted = perpendicular(unit(joints[:, lower] - joints[:, middle]), axis)
    if foot_share:
        # A foot points forward, so it votes for the opposite of where the shin bends to.
        wanted = wanted - foot_share * perpendicular(unit(joints[:, end] - joints[:, lower]), axis)
    votes = (present * wanted).sum(-1) + 1j * (np.cross(present, wanted) * axis).sum(-1)
    rotations[:, upper] = from_axis_angle(axis * smooth_twist(votes)[:, None]) @ aimed
    rotations[:, middle] = _aim(offsets, joints, middle, lower, rotations[:, upper])
    if end < joints.shape[1]:
        rotations[:, lower] = _aim(offsets, joints, lower, end, rotations[:, middle])
    else:
        rotations[:, lower] = rotations[:, middle]
    rotations[:, end] = rotations[:, lower]
