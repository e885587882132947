"""SMPL's pose parameters in every form that files have them, as rotation matrices.

Axis-angle vectors, rotation matrices and the six numbers of Zhou et al. (CVPR 2019), flat or joint by joint, of SMPL (24
joints), SMPL-H (52) and SMPL-X (55), with or without a batch of one in front. The first 22 joints are the same in all.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from latentman.errors import DataError, ShapeError
from latentman.types import NUM_JOINTS, Array

log = logging.getLogger("latentman.motion")

_JOINTS = (21, 22, 23, 24, 52, 55)
"""Joints of the models' poses; 21 and 23 are those without the root."""

_FORMS = "(T, 72), (T, 156), (T, 165), (T, 24, 3) axis-angle, (T, 24, 6), or (T, 24, 3, 3) matrices"

_KNEES, _ELBOWS = (4, 5), (18, 19)

_ORTHOGONAL = 0.05
"""Largest difference of a rotation matrix times its transpose from the identity that rounding could cause."""


def rotations(path: Path, name: str, values: Array) -> Array:
    """Return rotation matrices (T, J, 3, 3) in the parents' frames.

    Args:
        path: the file, for messages.
        name: the array's name, for messages.
        values: (T, J * n) or (T, J, n) with n of 3 (axis-angle, radians), 6 or 9, or (T, J, 3, 3); J is 1 for the root.

    Raises:
        ShapeError: if the shape is none of these, or the values are not numbers.
        DataError: if values are not finite, or matrices are not rotations.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise ShapeError(f"{path}: {name}: expected numbers, got {values.dtype}")
    values = values.astype(np.float64)
    if values.ndim > 2 and values.shape[0] == 1 and values.ndim - 1 in (2, 3, 4) and values.shape[1] > 1:
        values = values[0] if _per_joint(values[0]) is not None else values
    joints = _per_joint(values)
    if joints is None:
        raise ShapeError(f"{path}: {name}: expected {_FORMS}, got {values.shape}")
    if not np.isfinite(joints).all():
        frame = int(np.argwhere(~np.isfinite(joints))[0][0])
        raise DataError(f"{path}: {name} holds values that are not finite, first in frame {frame}; repair or cut it")
    width = joints.shape[2:]
    if width == (3,):
        return _from_vectors(joints)
    if width == (6,):
        return _from_six(path, joints)
    return _checked(path, name, joints.reshape(*joints.shape[:2], 3, 3))


def _per_joint(values: Array) -> Array | None:
    """Return values (T, J, n) or (T, J, 3, 3), or None if the shape is not one of a pose."""
    shape = values.shape
    if len(shape) == 2:
        if shape[1] in (3, 6, 9):
            return values[:, None]
        for width in (6, 9):
            if shape[1] % width == 0 and shape[1] // width in _JOINTS:
                return values.reshape(len(values), -1, width)
        return values.reshape(len(values), -1, 3) if shape[1] % 3 == 0 else None
    if len(shape) == 3 and shape[1:] == (3, 3):
        return values[:, None]
    if len(shape) == 3 and shape[2] in (3, 6, 9):
        return values
    return values if len(shape) == 4 and shape[2:] == (3, 3) else None


def _from_vectors(vectors: Array) -> Array:
    matrices: Array = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*vectors.shape, 3)
    return matrices


def _from_six(path: Path, six: Array) -> Array:
    """Return matrices of two rows (PyTorch3D), or of two columns where rows would bend knees and elbows backwards."""
    first = six[..., :3] / np.maximum(np.linalg.norm(six[..., :3], axis=-1, keepdims=True), 1e-12)
    second = six[..., 3:] - (first * six[..., 3:]).sum(axis=-1, keepdims=True) * first
    second /= np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), 1e-12)
    rows: Array = np.stack([first, second, np.cross(first, second)], axis=-2)
    if rows.shape[1] < NUM_JOINTS or _bends(rows) >= 0:
        return rows
    log.info("%s: its six numbers a joint are the columns of the rotations: as rows, knees would bend backwards", path)
    return rows.swapaxes(-1, -2)


def _bends(matrices: Array) -> float:
    """Return by how many radians knees and elbows bend as people's do, summed over the clip."""
    turns = Rotation.from_matrix(matrices[:, [*_KNEES, *_ELBOWS]].reshape(-1, 3, 3)).as_rotvec().reshape(-1, 4, 3)
    return float(turns[:, :2, 0].sum() - turns[:, 2, 1].sum() + turns[:, 3, 1].sum())


def _checked(path: Path, name: str, matrices: Array) -> Array:
    """Return matrices that are rotations but for rounding, made exactly so."""
    gram = matrices @ matrices.swapaxes(-1, -2)
    error = float(np.abs(gram - np.eye(3)).max(initial=0.0))
    if error > _ORTHOGONAL or (np.linalg.det(matrices) < 0).any():
        raise DataError(f"{path}: {name} holds matrices that are not rotations (off by {error:.2g})")
    exact: Array = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_matrix().reshape(matrices.shape)
    return exact
