"""The 22-joint skeleton of HumanML3D: parents, bone lengths and a standing rest pose.

The lengths come from the template to which every HumanML3D clip is retargeted (Guo et al., CVPR 2022), so that motion
from any source fits the same body. World: metres, Y up, facing +Z, +X is the character's left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)

PELVIS, SPINE1, SPINE2, SPINE3, NECK, HEAD = 0, 3, 6, 9, 12, 15
HIPS, KNEES, ANKLES, TOES = (1, 2), (4, 5), (7, 8), (10, 11)
COLLARS, SHOULDERS, ELBOWS, WRISTS = (13, 14), (16, 17), (18, 19), (20, 21)
SIDES = (1.0, -1.0)
"""Sign of the X axis on the left and on the right, in the order of every pair above."""

# fmt: off
BONE_LENGTHS = np.array([
    0.0, 0.1031, 0.1099, 0.1316, 0.3936, 0.3901, 0.1432, 0.4322, 0.4257, 0.0574, 0.1434,
    0.1495, 0.2193, 0.1375, 0.1434, 0.1031, 0.1316, 0.1230, 0.2569, 0.2631, 0.2660, 0.2697,
])
# fmt: on
"""Length in metres of the bone ending at each joint; 0 for the pelvis."""

_DIRECTIONS = {
    1: (0.58, -0.80, -0.15),
    2: (-0.58, -0.80, -0.15),
    3: (0.0, 0.97, -0.24),
    6: (0.0, 0.99, 0.12),
    9: (0.0, 1.0, 0.05),
    12: (0.0, 0.985, -0.12),
    13: (0.55, 0.82, -0.12),
    14: (-0.55, 0.82, -0.12),
    15: (0.0, 0.86, 0.51),
    16: (0.95, 0.22, -0.10),
    17: (-0.95, 0.22, -0.10),
}


def _rest_directions() -> Floats:
    rest = np.tile([0.0, -1.0, 0.0], (len(PARENTS), 1))
    for joint, direction in _DIRECTIONS.items():
        rest[joint] = np.asarray(direction) / np.linalg.norm(direction)
    rest[list(TOES)] = (0.0, 0.0, 1.0)
    return rest


REST = _rest_directions()
"""Return the unit direction (22, 3) of the bone ending at each joint, standing with hanging arms."""


def about_x(angle: Floats) -> Floats:
    """Return rotations (..., 3, 3) about X; a positive angle in radians tilts +Y towards +Z (a bow)."""
    c, s, one, zero = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
    return np.stack([one, zero, zero, zero, c, -s, zero, s, c], axis=-1).reshape(*np.shape(angle), 3, 3)


def about_y(angle: Floats) -> Floats:
    """Return rotations (..., 3, 3) about Y; a positive angle in radians turns +Z towards +X (the character's left)."""
    c, s, one, zero = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
    return np.stack([c, zero, s, zero, one, zero, -s, zero, c], axis=-1).reshape(*np.shape(angle), 3, 3)


def about_z(angle: Floats) -> Floats:
    """Return rotations (..., 3, 3) about Z; a positive angle in radians tilts +Y towards -X and lifts the left side."""
    c, s, one, zero = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
    return np.stack([c, -s, zero, s, c, zero, zero, zero, one], axis=-1).reshape(*np.shape(angle), 3, 3)


def ahead(yaw: Floats) -> Floats:
    """Return the unit vectors (..., 3) that face along ``yaw``."""
    return np.stack([np.sin(yaw), np.zeros_like(yaw), np.cos(yaw)], axis=-1)


def forward_kinematics(local: Floats, root: Floats, rest: Floats) -> Floats:
    """Return joints (T, 22, 3): each joint rotates its children about itself, in its parent's frame.

    Args:
        local: (T, 22 or more, 3, 3) rotations in the parents' frames, in SMPL's order.
        root: (T, 3) positions of the pelvis.
        rest: (22 or more, 3) joints where all rotations are identity, the T-pose.
    """
    turned, joints = [local[:, 0]], [root]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        joints.append(joints[parent] + turned[parent] @ (rest[joint] - rest[parent]))
        turned.append(turned[parent] @ local[:, joint])
    return np.stack(joints, axis=1)


def bone(joint: int, rotation: Floats) -> Floats:
    """Return the rotated rest bone (..., 3) that ends at ``joint``, in metres."""
    offset: Floats = rotation @ (REST[joint] * BONE_LENGTHS[joint])
    return offset
