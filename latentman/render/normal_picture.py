"""The picture of surface normals that ``lllyasviel/control_v11p_sd15_normalbae`` was trained on, drawn exactly.

That network was trained on maps of the estimator of Bae et al. (2021), itself trained on ScanNet: the surface's normal
in camera axes, encoded as (n + 1) / 2, with red increasing towards the picture's left, green upwards and blue towards
the camera. In the camera's own axes (x right, y down, z forward) this is the normal with all three signs reversed: the
authors state this of their later estimator, whose normals are "(right, down, front)" of the direction that points into
the surface (``baegwangbin/DSINE``, README and issue 8); ``threestudio-project/threestudio``, issue 189, found the same
red axis by experiment.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.motion.rotations import unit
from latentman.render.camera import to_camera
from latentman.types import Array, BodySequence, Conditions

FACING_CAMERA = (0.5, 0.5, 1.0)
"""Colour of the background: a wall that faces the camera. The estimator has no value for "no surface"; black would be a
surface turned away to the lower right."""


def draw_normals(body: BodySequence, conditions: Conditions) -> NDArray[np.float32]:
    """Return the normals of every frame as colours, (T, H, W, 3) float32, 0 to 1."""
    pictures = np.empty((*conditions.mask.shape, 3), dtype=np.float32)
    for frame, camera in enumerate(conditions.cameras):
        seen = conditions.mask[frame]
        normals = vertex_normals(to_camera(body.vertices[frame], camera), body.faces)
        pixel = pixel_normals(normals[body.faces], conditions.face[frame][seen], conditions.bary[frame][seen])
        pictures[frame] = FACING_CAMERA
        pictures[frame][seen] = encode_normals(pixel)
    return pictures


def encode_normals(normals: Array) -> Array:
    """Return the colours (..., 3), 0 to 1, of unit normals (..., 3) in camera axes that point out of the surface."""
    return (1 - normals) / 2


def face_normals(vertices: Array, faces: Array) -> Array:
    """Return the unit normal (F, 3) of each face, out of the body; 0 for a face without area."""
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    return unit(np.cross(second - first, third - first))


def vertex_normals(vertices: Array, faces: Array) -> Array:
    """Return the unit normal (V, 3) of each vertex, out of the body; 0 for a vertex without faces.

    It is the mean of the normals of the surrounding faces, each weighted by its angle at the vertex (Thürmer and
    Wüthrich 1998), so that it does not depend on how a flat side is triangulated.
    """
    corners = vertices[faces]
    ahead, behind = (unit(np.roll(corners, shift, axis=1) - corners) for shift in (-1, 1))
    angle = np.arccos(np.clip((ahead * behind).sum(-1), -1, 1))
    share = (angle[..., None] * face_normals(vertices, faces)[:, None]).reshape(-1, 3)
    index = faces.reshape(-1)
    total = np.stack([np.bincount(index, share[:, axis], len(vertices)) for axis in range(3)], axis=-1)
    return unit(total)


def pixel_normals(corners: Array, face: Array, bary: Array) -> Array:
    """Return the unit normals (N, 3) of pixels that see ``face`` (N,) at ``bary`` (N, 3).

    Args:
        corners: (F, 3, 3) normals of each face's three vertices.
        face: (N,) face index.
        bary: (N, 3) barycentric coordinates in that face.
    """
    return unit((corners[face] * bary.astype(np.float64)[..., None]).sum(-2))
