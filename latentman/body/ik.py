"""Analytic inverse kinematics: rotations of 24 joints from the positions of 22, all frames at once.

Twenty-two points do not determine the twist of a limb about its own axis. The bend of the elbow or knee determines it,
more reliably the more it is bent; a straight limb takes its twist from neighbouring frames.
"""

from __future__ import annotations

import numpy as np

from latentman.body.skeleton import CHILDREN, NUM_BODY_JOINTS, PARENTS
from latentman.body.twist import smooth_twist
from latentman.motion.rotations import from_axis_angle, kabsch, perpendicular, slerp, swing, unit
from latentman.types import Array

RIGID_JOINTS = (0, 9)
"""Joints whose three children move as one rigid piece: pelvis and chest."""

FOLLOWERS = (10, 11, 15, 20, 21, 22, 23)
"""Joints whose rotation is not determined by the 22 points: they follow their parents."""

_FORWARD = np.array([0.0, 0.0, 1.0])
_FOOT_SHARE = 0.5
"""Weight of the foot's direction for the twist of the leg, relative to the bend of the knee."""


def solve_rotations(offsets: Array, joints: Array) -> Array:
    """Return global rotations (T, 24, 3, 3) that pose bones ``offsets`` (24, 3) like the ``joints`` (T, 22, 3).

    The result is exact if the bones have the lengths between the joints, and pelvis and chest their shape. Otherwise
    every bone is aimed from the actual position of its upper end, so that errors do not accumulate along a limb. The
    head follows the neck, and the hands follow the forearms. The root's path is given by :func:`find_root`.
    """
    pelvis, chest = (_turn_piece(joint, offsets, joints) for joint in RIGID_JOINTS)
    chain = _Chain(offsets, joints, find_root(offsets, joints, pelvis))
    chain.turn(0, pelvis)
    chain.aim(3, slerp(pelvis, chest, 1 / 3))
    chain.aim(6, slerp(pelvis, chest, 2 / 3))
    chain.turn(9, chest)
    for joint in (12, 13, 14):
        chain.aim(joint, chest)
    for hip in (1, 2):
        _solve_limb(chain, hip, bend=-_FORWARD, foot_share=_FOOT_SHARE)
    for shoulder in (16, 17):
        _solve_limb(chain, shoulder, bend=_FORWARD, foot_share=0.0)
    return follow(chain.rotations)


def find_root(offsets: Array, joints: Array, pelvis: Array) -> Array:
    """Return the root's path (T, 3) in metres that fits pelvis, hips and the first joint of the spine best.

    ``pelvis`` (T, 3, 3) is its rotation. If the four move as one piece, this is the path of the pelvis joint itself;
    otherwise the error is distributed over all four instead of only hips and spine.
    """
    piece = _piece(0)
    shifts = joints[:, piece] - (pelvis @ _shape(0, offsets).T).swapaxes(-1, -2)
    return np.asarray(shifts.mean(axis=1))


def _piece(joint: int) -> list[int]:
    return [joint, *CHILDREN[joint]]


def _shape(joint: int, offsets: Array) -> Array:
    """Return a joint (the origin) and its children (K, 3) in the joint's frame."""
    return np.concatenate([np.zeros((1, 3)), offsets[list(CHILDREN[joint])]])


def _turn_piece(joint: int, offsets: Array, joints: Array) -> Array:
    """Return the rotations (T, 3, 3) that best align a joint and its children with the motion."""
    shape, places = _shape(joint, offsets), joints[:, _piece(joint)]
    return kabsch(shape - shape.mean(axis=0), places - places.mean(axis=1, keepdims=True))


class _Chain:
    """Rotations, solved from the pelvis outwards, and the resulting joint positions."""

    def __init__(self, offsets: Array, joints: Array, root: Array) -> None:
        self.offsets, self.joints = offsets, joints
        self.rotations = np.tile(np.eye(3), (len(joints), NUM_BODY_JOINTS, 1, 1))
        self.placed = np.empty((len(joints), NUM_BODY_JOINTS, 3))
        self.placed[:, 0] = root

    def turn(self, joint: int, rotation: Array) -> None:
        """Set a joint's rotation (T, 3, 3) and the positions of its children."""
        self.rotations[:, joint] = rotation
        for child in CHILDREN[joint]:
            self.placed[:, child] = self.placed[:, joint] + rotation @ self.offsets[child]

    def aimed(self, joint: int, start: Array) -> Array:
        """Return ``start`` (T, 3, 3) turned by the least angle that points the joint's bone at its child."""
        child = CHILDREN[joint][0]
        return swing(start @ self.offsets[child], self.joints[:, child] - self.placed[:, joint]) @ start

    def aim(self, joint: int, start: Array) -> None:
        """Set a joint's rotation to :meth:`aimed`."""
        self.turn(joint, self.aimed(joint, start))


def follow(rotations: Array) -> Array:
    """Return global rotations (T, 24, 3, 3) in which head, feet and hands follow the bones that carry them."""
    followed = rotations.copy()
    for joint in FOLLOWERS:
        followed[:, joint] = followed[:, PARENTS[joint]]
    return followed


def to_local(rotations: Array) -> Array:
    """Convert global rotations (T, 24, 3, 3) to each joint's rotation in its parent's frame."""
    local = rotations.copy()
    local[:, 1:] = rotations[:, list(PARENTS[1:])].swapaxes(-1, -2) @ rotations[:, 1:]
    return local


def _solve_limb(chain: _Chain, upper: int, *, bend: Array, foot_share: float) -> None:
    """Find the rotations of a leg or arm from its hip or shoulder ``upper`` down.

    ``bend`` is the direction, in the T-pose, in which the lower bone bends away from the line of the upper one.
    """
    middle = CHILDREN[upper][0]
    lower = CHILDREN[middle][0]
    end = CHILDREN[lower][0]
    joints = chain.joints
    aimed = chain.aimed(upper, chain.rotations[:, PARENTS[upper]])
    axis = unit(aimed @ chain.offsets[middle])
    present = unit(perpendicular(aimed @ bend, axis))
    wanted = perpendicular(unit(joints[:, lower] - joints[:, middle]), axis)
    if foot_share:
        # A foot points forward, opposite to the direction in which the shin bends.
        wanted = wanted - foot_share * perpendicular(unit(joints[:, end] - joints[:, lower]), axis)
    votes = (present * wanted).sum(-1) + 1j * (np.cross(present, wanted) * axis).sum(-1)
    chain.turn(upper, from_axis_angle(axis * smooth_twist(votes)[:, None]) @ aimed)
    chain.aim(middle, chain.rotations[:, upper])
    if lower not in FOLLOWERS:
        chain.aim(lower, chain.rotations[:, middle])
