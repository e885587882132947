"""The visible surface of one figure: the canonical position, garment and normal of each sample."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from latentman.train.scenes.bodies import REGIONS, Bodies, vertex_normals

_EAR_HEIGHT, _EAR_TALL, _EAR_DEEP, _EAR_SIDE = 0.021, 0.037, 0.027, 0.055
"""Metres in canonical coordinates: the height of an ear's centre, its half axes, and how far out it is at least."""


@dataclass(frozen=True)
class Surface:
    """K samples of one figure.

    ``points`` (K, 3) canonical coordinates (:class:`Bodies`), metres, and ``facing`` (K, 3) the unit normals there, by
    which patterns keep their width on every side of the body; ``region`` (K,) int64;
    ``normal`` (K, 3) unit vectors in camera axes (x right, y down, z away).
    """

    points: Tensor
    facing: Tensor
    region: Tensor
    normal: Tensor


def above_throat(points: Tensor) -> Tensor:
    """Return which points (K, 3) belong to the head, (K,) bool: down to the corner of chin and throat, and the nape."""
    _, y, z = points.unbind(-1)
    return y > -0.061 - 0.44 * z


def above_collar(points: Tensor) -> Tensor:
    """Return which points (K, 3) are above the collar of a garment, (K,) bool: a curve around the base of the neck."""
    x, y, z = points.unbind(-1)
    return y > -0.154 - 0.28 * z + 6.0 * x**2


def under_hair(points: Tensor) -> Tensor:
    """Return which points (K, 3) of a head have hair, (K,) bool: from the forehead over the temples to the nape."""
    x, y, z = points.unbind(-1)
    line = 0.048 + 0.60 * z - 2.0 * (z - 0.02).clamp_min(0) * x.abs()
    line = line.clamp(-0.025, 0.104)
    ear = (x.abs() > _EAR_SIDE) & (((y - _EAR_HEIGHT) / _EAR_TALL) ** 2 + (z / _EAR_DEEP) ** 2 < 1)
    return (y > line) & ~ear


def under_cap(points: Tensor) -> Tensor:
    """Return which points (K, 3) of a head are under a cap or helmet, (K,) bool: above the brows, lower behind."""
    _, y, z = points.unbind(-1)
    return y > (0.050 + 0.30 * z).clamp(0.02, 0.080)


def find_surface(bodies: Bodies, vertices: Tensor, face: Tensor, bary: Tensor) -> Surface:
    """Return the surface under K samples.

    Args:
        bodies: the bodies, which share their mesh and canonical coordinates.
        vertices: (V, 3) of a posed figure of any build, in camera axes.
        face: (K,) index of the face under each sample.
        bary: (K, 3) barycentric coordinates in that face.
    """
    corner, weight = bodies.faces[face], bary[..., None]
    points = (bodies.points[corner] * weight).sum(1)
    region = (bodies.region[corner] * weight).sum(1).argmax(-1)
    return Surface(
        points=points,
        facing=functional.normalize((bodies.normals[corner] * weight).sum(1), dim=-1),
        region=_divide_head(region, points),
        normal=functional.normalize((vertex_normals(vertices, bodies.faces)[corner] * weight).sum(1), dim=-1),
    )


def _divide_head(region: Tensor, points: Tensor) -> Tensor:
    """Return the regions (K,) with scalp, face, neck and chest divided along curves instead of by the skinning.

    The skinning weights of head and neck change within one row of vertices, so that their border is jagged.
    """
    scalp, face, neck, chest = (REGIONS.index(name) for name in ("scalp", "face", "neck", "chest"))
    head = torch.where(under_hair(points), scalp, face)
    below = torch.where(above_collar(points), neck, chest)
    divided = torch.where(above_throat(points), head, below)
    return torch.where((region == face) | (region == neck) | (region == chest), divided, region)
