"""The visible surface of one figure: the body position and normal of each sample."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from latentman.train.scenes.bodies import REGIONS, DrawnBody

_EAR_SIDE, _EAR_HEIGHT = 0.076, 0.068
"""Metres from the head joint: points further out and lower belong to an ear."""


@dataclass(frozen=True)
class Surface:
    """K samples of one figure.

    ``points`` (K, 3) metres from the head joint in the bind pose (Y up, front +Z, left +X); ``region`` (K,) int64;
    ``normal`` (K, 3) unit vectors in camera axes (x right, y down, z away).
    """

    points: Tensor
    region: Tensor
    normal: Tensor


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return unit normals (V, 3) of vertices (V, 3), pointing out of the body in camera axes (y down)."""
    corners = vertices[faces]
    across = (corners[:, 1] - corners[:, 0]).cross(corners[:, 2] - corners[:, 0], dim=-1)
    total = vertices.new_zeros(vertices.shape)
    for corner in range(3):
        total.index_add_(0, faces[:, corner], across)
    return functional.normalize(total, dim=-1)


def under_hair(points: Tensor) -> Tensor:
    """Return which points (K, 3) of a head have hair, (K,) bool: from the forehead over the temples to the nape."""
    x, y, z = points.unbind(-1)
    line = 0.048 + 0.60 * z - 2.0 * (z - 0.02).clamp_min(0) * x.abs()
    line = line.clamp(-0.025, 0.104)
    ear = (x.abs() > _EAR_SIDE) & (y < _EAR_HEIGHT)
    return (y > line) & ~ear


def under_cap(points: Tensor) -> Tensor:
    """Return which points (K, 3) of a head are under a cap or helmet, (K,) bool: above the brows, lower behind."""
    _, y, z = points.unbind(-1)
    return y > (0.050 + 0.30 * z).clamp(0.02, 0.080)


def find_surface(drawn: DrawnBody, vertices: Tensor, faces: Tensor, face: Tensor, bary: Tensor) -> Surface:
    """Return the surface under K samples.

    Args:
        drawn: the body.
        vertices: (V, 3) of its pose, in camera axes.
        faces: (F, 3).
        face: (K,) index of the face under each sample.
        bary: (K, 3) barycentric coordinates in that face.
    """
    corner, weight = faces[face], bary[..., None]
    points = (drawn.points[corner] * weight).sum(1)
    region = (drawn.region[corner] * weight).sum(1).argmax(-1)
    hairy = (region == REGIONS.index("face")) & under_hair(points)
    return Surface(
        points=points,
        region=torch.where(hairy, REGIONS.index("scalp"), region),
        normal=functional.normalize((vertex_normals(vertices, faces)[corner] * weight).sum(1), dim=-1),
    )
