"""Analytic inverse kinematics: rotations of 24 joints from the positions of 22, all frames at once.

Twenty-two points do not tell how far a limb is turned about its own axis. The bend of the elbow or knee tells it, the
better the more it is bent; a straight limb takes it from its neighbours in time.
"""

from __future__ import annotations

import numpy as np

from latentman.body.skeleton import CHILDREN, NUM_BODY_JOINTS, PARENTS
from latentman.body.twist import smooth_twist
from latentman.motion.rotations import from_axis_angle, kabsch, perpendicular, slerp, swing, unit
from latentman.types import Array

RIGID_JOINTS = (0, 9)
"""Joints whose three children move as one rigid piece: the pelvis and the chest."""

FOLLOWERS = (10, 11, 15, 20, 21, 22, 23)
"""Joints whose rotation none of the 22 points tells: they go with their parents."""

_FORWARD = np.array([0.0, 0.0, 1.0])
_FOOT_SHARE = 0.5
"""How much the direction of the foot says about the turn of the leg, relative to the bend of the knee."""


def solve_rotations(offsets: Array, joints: Array) -> Array:
    """Return global rotations (T, 24, 3, 3) that pose bones ``offsets`` (24, 3) like the ``joints`` (T, 22, 3).

    Exact where the bones have the lengths of the joints, and hips and chest their shape. Elsewhere every bone is aimed
    from where its upper end came to lie, so that errors do not add up along a limb. The head goes with the neck, hands
    with forearms. The root belongs where :func:`find_root` puts it.
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
    """Return the root's path (T, 3) in metres at which pelvis, hips and the first joint of the spine come nearest.

    ``pelvis`` (T, 3, 3) is its rotation. Where the four move as one piece, that is the path of the pelvis joint itself;
    where they do not, the error is shared among them instead of being left to hips and spine.
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
    """Return the rotations (T, 3, 3) that best turn a joint and its children to where they are."""
    shape, places = _shape(joint, offsets), joints[:, _piece(joint)]
    return kabsch(shape - shape.mean(axis=0), places - places.mean(axis=1, keepdims=True))


class _Chain:
    """Rotations that are found from the pelvis outwards, and the joints as these place them."""

    def __init__(self, offsets: Array, joints: Array, root: Array) -> None:
        self.offsets, self.joints = offsets, joints
        self.rotations = np.tile(np.eye(3), (len(joints), NUM_BODY_JOINTS, 1, 1))
        self.placed = np.empty((len(joints), NUM_BODY_JOINTS, 3))
        self.placed[:, 0] = root

    def turn(self, joint: int, rotation: Array) -> None:
        """Give a joint its rotation (T, 3, 3), and its children their places."""
        self.rotations[:, joint] = rotation
        for child in CHILDREN[joint]:
            self.placed[:, child] = self.placed[:, joint] + rotation @ self.offsets[child]

    def aimed(self, joint: int, start: Array) -> Array:
        """Return ``start`` (T, 3, 3) turned by the least angle that points the joint's bone at its child."""
        child = CHILDREN[joint][0]
        return swing(start @ self.offsets[child], self.joints[:, child] - self.placed[:, joint]) @ start

    def aim(self, joint: int, start: Array) -> None:
        """Give a joint the rotation :meth:`aimed`."""
        self.turn(joint, self.aimed(joint, start))


def follow(rotations: Array) -> Array:
    """Return global rotations (T, 24, 3, 3) in which head, feet and hands go with the bones that carry them."""
    followed = rotations.copy()
    for joint in FOLLOWERS:
        followed[:, joint] = followed[:, PARENTS[joint]]
    return followed


def to_local(rotations: Array) -> Array:
    """Turn global rotations (T, 24, 3, 3) into each joint's rotation in its parent's frame."""
    local = rotations.copy()
    local[:, 1:] = rotations[:, list(PARENTS[1:])].swapaxes(-1, -2) @ rotations[:, 1:]
    return local


def _solve_limb(chain: _Chain, upper: int, *, bend: Array, foot_share: float) -> None:
    """Find the rotations of a leg or arm from its hip or shoulder ``upper`` down.

    ``bend`` is the direction, in the T-pose, to which the lower bone bends away from the line of the upper one.
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
        # A foot points forward, so it votes for the opposite of where the shin bends to.
        wanted = wanted - foot_share * perpendicular(unit(joints[:, end] - joints[:, lower]), axis)
    votes = (present * wanted).sum(-1) + 1j * (np.cross(present, wanted) * axis).sum(-1)
    chain.turn(upper, from_axis_angle(axis * smooth_twist(votes)[:, None]) @ aimed)
    chain.aim(middle, chain.rotations[:, upper])
    if lower not in FOLLOWERS:
        chain.aim(lower, chain.rotations[:, middle])
