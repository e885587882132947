"""One shape for a clip: the parameters of a body's shape space whose bones have the clip's lengths."""

from __future__ import annotations

import numpy as np

from latentman.body.skeleton import PARENTS
from latentman.body.skinning import Body
from latentman.types import NUM_JOINTS, Array

_LENGTH_ERROR = 0.01
"""Metres of bone length error that count as much as one unit of a beta."""

_ROUNDS = 8


def bone_directions(body: Body) -> Array:
    """Return how the T-pose bones change with each of the betas, (24, 3, B) metres."""
    assert body.joint_directions is not None
    directions = np.zeros_like(body.joint_directions)
    for joint, parent in enumerate(PARENTS[1:], start=1):
        change = body.joint_directions[joint] - body.joint_directions[parent]
        directions[joint] = body.bind_rotations[parent].T @ change
    return directions


def find_betas(body: Body, joints: Array) -> Array:
    """Return the betas (B,) whose bones best match the median bone lengths of ``joints`` (T, 22, 3).

    Gauss-Newton on the 21 lengths, with betas regularised towards 0, the mean of the training population.
    """
    assert body.joint_directions is not None
    assert body.betas is not None
    bones, directions = body.offsets[1:NUM_JOINTS], bone_directions(body)[1:NUM_JOINTS]
    wanted = np.median(np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:NUM_JOINTS])], axis=-1), axis=0)
    change = np.zeros(directions.shape[-1])
    for _ in range(_ROUNDS):
        now = bones + directions @ change
        length = np.linalg.norm(now, axis=1)
        slopes = np.einsum("ji,jib->jb", now / length[:, None], directions) / _LENGTH_ERROR
        betas = body.betas + change
        system = slopes.T @ slopes + np.eye(len(betas))
        change = change + np.linalg.solve(system, slopes.T @ (wanted - length) / _LENGTH_ERROR - betas)
    return body.betas + change
