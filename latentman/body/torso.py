"""Anny's torso with the joint positions of HumanML3D.

Anny's pelvis joint is between its wide hips, and its collar bones start at the breastbone; HumanML3D's pelvis is
higher, its hips are narrow, and its collars are next to the spine. With its own joints, the body would lean back in
every motion and its hips would be squeezed. The joints of a torso are only the centres of rotation of the mesh, so they
may be moved to their positions in the motions.
"""

from __future__ import annotations

import numpy as np

from latentman.motion.skeleton import BONE_LENGTHS, REST
from latentman.types import Array

_SPINE = (0, 3, 6, 9)
"""Pelvis and the three joints of the spine, from bottom to top."""

_NECK = 12
_PAIRS = ((1, 2), (13, 14))
"""Hips and collars."""


def move_torso_joints(joints: Array) -> Array:
    """Return bind joints (24, 3) with pelvis, hips, spine and collars where HumanML3D's template has them.

    The template is scaled to the mesh between the height of the hips and the neck, both of which are kept.
    """
    template = {0: np.zeros(3)}
    for joint, parent in ((1, 0), (2, 0), (3, 0), (6, 3), (9, 6), (12, 9), (13, 9), (14, 9)):
        template[joint] = template[parent] + BONE_LENGTHS[joint] * REST[joint]
    # The template comes from one person and is asymmetric by millimetres; the mesh is symmetric.
    mirror = np.array([-1.0, 1.0, 1.0])
    for left, right in _PAIRS:
        template[left] = (template[left] + mirror * template[right]) / 2
        template[right] = mirror * template[left]
    hips, template_hips = joints[[1, 2]].mean(0), (template[1] + template[2]) / 2
    size = (joints[_NECK, 1] - hips[1]) / (template[_NECK][1] - template_hips[1])
    moved = joints.copy()
    for joint in (*_SPINE, *_PAIRS[0], *_PAIRS[1]):
        moved[joint] = hips + size * (template[joint] - template_hips)
    return moved


def spread_spine_weights(vertices: Array, joints: Array, weights: Array) -> Array:
    """Return skinning weights (V, 24) in which the shares of pelvis and spine depend on the height of the vertex.

    From the middle of one bone to the middle of the next, the share changes linearly from joint to joint.
    """
    heights = joints[[*_SPINE, _NECK], 1]
    level = np.interp(vertices[:, 1], (heights[:-1] + heights[1:]) / 2, range(len(_SPINE)))
    share = np.maximum(0, 1 - np.abs(level[:, None] - np.arange(len(_SPINE))))
    spread = weights.copy()
    spread[:, list(_SPINE)] = weights[:, list(_SPINE)].sum(1, keepdims=True) * share
    return spread
