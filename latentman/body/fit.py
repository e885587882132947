"""The fit of a body to a motion: the clip's own bone lengths, then exact inverse kinematics, then skinning."""

from __future__ import annotations

import numpy as np

from latentman.body.ik import RIGID_JOINTS, solve_rotations
from latentman.body.skeleton import CHILDREN, JOINT_NAMES, PARENTS
from latentman.body.skinning import Body, place_joints, skin, with_offsets
from latentman.errors import DataError
from latentman.types import NUM_JOINTS, Array, BodySequence, Motion

_SHORTEST_BONE = 1e-4
"""Metres below which a bone has no direction worth the name."""

_CLUSTER_ROUNDS = 2


def fit_motion(body: Body, motion: Motion) -> BodySequence:
    """Fit the body to every frame of a motion.

    The bones take their median lengths over the clip, so that one body is fitted to all frames. The whole clip is
    shifted until its lowest vertex lies on the floor (y = 0), which leaves a jump as high as it is.

    Args:
        body: a body as it was built.
        motion: joints (T, 22, 3) in metres.

    Returns:
        The moving mesh at the motion's frame rate, float32; 24 joints.

    Raises:
        DataError: if a joint is not finite or lies on its parent, so that the bone between them has no direction.
    """
    joints = motion.joints.astype(np.float64)
    _check_bones(joints)
    fitted = calibrate(body, joints)
    rotations = solve_rotations(fitted.offsets, joints)
    posed = place_joints(fitted, rotations, joints[:, 0])
    vertices = skin(fitted, rotations, posed)
    floor = np.array([0.0, vertices[..., 1].min(), 0.0])
    return BodySequence(
        vertices=(vertices - floor).astype(np.float32),
        faces=body.faces,
        joints=(posed - floor).astype(np.float32),
        part=body.part,
        corner_uv=body.corner_uv,
        fps=motion.fps,
    )


def calibrate(body: Body, joints: Array) -> Body:
    """Return the body with the bone lengths of ``joints`` (T, 22, 3), and its pelvis and chest shaped like theirs.

    The hip joints, or the collars and the neck, move as one piece: where the piece's joints lie relative to each other
    differs from body to body, and is read off the clip after a first fit.
    """
    offsets = body.offsets.copy()
    for joint in range(1, NUM_JOINTS):
        length = np.median(np.linalg.norm(joints[:, joint] - joints[:, PARENTS[joint]], axis=-1))
        offsets[joint] *= length / np.linalg.norm(offsets[joint])
    for hand, forearm in ((22, 20), (23, 21)):
        offsets[hand] *= np.linalg.norm(offsets[forearm]) / np.linalg.norm(body.offsets[forearm])
    for _ in range(_CLUSTER_ROUNDS):
        rotations = solve_rotations(offsets, joints)
        for joint in RIGID_JOINTS:
            for child in CHILDREN[joint]:
                bone = joints[:, child] - joints[:, joint]
                offsets[child] = np.median(np.einsum("tji,tj->ti", rotations[:, joint], bone), axis=0)
    return with_offsets(body, offsets)


def _check_bones(joints: Array) -> None:
    """Refuse joints that are not finite, and bones without length."""
    if not np.isfinite(joints).all():
        frame, joint, _ = np.argwhere(~np.isfinite(joints))[0]
        raise DataError(
            f"cannot fit a body: joint {JOINT_NAMES[joint]} of frame {frame} is not finite; check motion=..."
        )
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:NUM_JOINTS])], axis=-1)
    if (lengths < _SHORTEST_BONE).any():
        frame, bone = np.argwhere(lengths < _SHORTEST_BONE)[0]
        raise DataError(
            f"cannot fit a body: in frame {frame} {JOINT_NAMES[bone + 1]} lies on {JOINT_NAMES[PARENTS[bone + 1]]} "
            f"({lengths[frame, bone]:.2g} m apart, {_SHORTEST_BONE} m are needed); check the joints of motion=..."
        )
