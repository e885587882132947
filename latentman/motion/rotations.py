"""Rotation matrices in float64: the operations needed to fit a skeleton, for many frames at once."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from latentman.types import Array

_ANTIPARALLEL = -1 + 1e-9


def unit(vectors: Array) -> Array:
    """Return vectors (..., 3) divided by their length; a zero vector stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def perpendicular(vectors: Array, axis: Array) -> Array:
    """Return the part of vectors (..., 3) that is perpendicular to the unit vectors ``axis`` (..., 3)."""
    return vectors - (vectors * axis).sum(-1, keepdims=True) * axis


def from_axis_angle(vectors: Array) -> Array:
    """Convert rotation vectors (..., 3) in radians to matrices (..., 3, 3)."""
    return Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*vectors.shape, 3)


def swing(source: Array, target: Array) -> Array:
    """Return the smallest rotation (..., 3, 3) that takes the direction ``source`` to ``target``, both (..., 3).

    Opposite directions give a half turn about an arbitrary axis perpendicular to both.
    """
    source, target = np.broadcast_arrays(unit(source), unit(target))
    cosine = (source * target).sum(-1)[..., None, None]
    cross = skew(np.cross(source, target))
    eye = np.eye(3)
    turned = eye + cross + cross @ cross / np.maximum(1 + cosine, 1e-12)
    helper = np.where(np.abs(source[..., :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    axis = unit(np.cross(source, helper))
    half_turn = 2 * axis[..., :, None] * axis[..., None, :] - eye
    return np.where(cosine < _ANTIPARALLEL, half_turn, turned)


def slerp(start: Array, end: Array, fraction: float) -> Array:
    """Return the rotations (N, 3, 3) at ``fraction`` of the way from ``start`` to ``end``."""
    step = Rotation.from_matrix(start.transpose(0, 2, 1) @ end).as_rotvec()
    return start @ from_axis_angle(fraction * step)


def kabsch(source: Array, target: Array) -> Array:
    """Return the proper rotations (N, 3, 3) about the origin that best align points (K, 3) with points (N, K, 3).

    Kabsch (1976), with the determinant's sign corrected: without it a mirrored skeleton would turn inside out.
    """
    u, _, vt = np.linalg.svd(np.einsum("ki,nkj->nij", source, target))
    v = vt.transpose(0, 2, 1)
    v[:, :, 2] *= np.sign(np.linalg.det(v @ u.transpose(0, 2, 1)))[:, None]
    return v @ u.transpose(0, 2, 1)


def skew(vectors: Array) -> Array:
    """Return the matrices (..., 3, 3) whose product with x is the cross product with x."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*vectors.shape, 3)
