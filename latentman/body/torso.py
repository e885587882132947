"""Anny's torso, jointed where HumanML3D's is.

Anny's pelvis joint lies between its hips, which are wide, and its collar bones begin at the breastbone; HumanML3D's
pelvis lies higher, its hips are narrow, and its collars lie beside the spine. With its own joints the body would lean
back in every motion, and have its hips squeezed. The joints of a torso are only the centres about which flesh turns, so
they may lie where the motions have them.
"""

from __future__ import annotations

import numpy as np

from latentman.motion.skeleton import BONE_LENGTHS, REST
from latentman.types import Array

_SPINE = (0, 3, 6, 9)
"""Pelvis and the three joints of the spine, upwards."""

_NECK = 12
_PAIRS = ((1, 2), (13, 14))
"""Hips and collars."""


def move_torso_joints(joints: Array) -> Array:
    """Return bind joints (24, 3) with pelvis, hips, spine and collars where HumanML3D's template has them.

    The template is scaled to the mesh between the hips' height and the neck, both of which stay.
    """
    template = {0: np.zeros(3)}
    for joint, parent in ((1, 0), (2, 0), (3, 0), (6, 3), (9, 6), (12, 9), (13, 9), (14, 9)):
        template[joint] = template[parent] + BONE_LENGTHS[joint] * REST[joint]
    # The template's sides differ by the millimetres of one person; the mesh is symmetric.
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
    """Return skinning weights (V, 24) whose share of pelvis and spine goes by the height of the vertex.

    From the middle of one bone to the middle of the next the share passes linearly from joint to joint.
    """
    heights = joints[[*_SPINE, _NECK], 1]
    level = np.interp(vertices[:, 1], (heights[:-1] + heights[1:]) / 2, range(len(_SPINE)))
    share = np.maximum(0, 1 - np.abs(level[:, None] - np.arange(len(_SPINE))))
    spread = weights.copy()
    spread[:, list(_SPINE)] = weights[:, list(_SPINE)].sum(1, keepdims=True) * share
    return spread
