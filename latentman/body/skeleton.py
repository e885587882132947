"""The 24 joints of SMPL, of which HumanML3D keeps the first 22, and the rest directions of their bones."""

from __future__ import annotations

import numpy as np

from latentman.types import Array

# fmt: off
JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)
# fmt: on
"""SMPL's joints in SMPL's order."""

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""Parent of each joint; every parent comes before its children."""

NUM_BODY_JOINTS = len(PARENTS)

CHILDREN = tuple(tuple(c for c, p in enumerate(PARENTS) if p == j) for j in range(NUM_BODY_JOINTS))
"""Children of each joint."""

MIRROR = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22)
"""The joint on the other side of the body; joints of the spine are their own mirror."""

_LEFT_REST = {1: (0.11, -0.993, 0.02), 4: (-0.035, -0.995, -0.087), 16: (1.0, 0, 0), 18: (1.0, 0, 0), 20: (1.0, 0, 0)}


def rest_directions() -> dict[int, Array]:
    """Return the T-pose direction of each limb bone, by the joint at its upper end, close to SMPL's own zero pose.

    Bones that are not listed (spine, feet, head) keep their direction in the mesh as modelled.
    """
    left = {joint: np.array(direction, dtype=np.float64) for joint, direction in _LEFT_REST.items()}
    right = {MIRROR[joint]: direction * (-1.0, 1.0, 1.0) for joint, direction in left.items()}
    return left | right
