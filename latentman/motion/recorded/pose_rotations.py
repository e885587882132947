"""SMPL's pose parameters in every form that files have them, joint by joint.

Axis-angle vectors, rotation matrices and the six numbers of Zhou et al. (CVPR 2019), flat or joint by joint, of SMPL
(24 joints), SMPL-H (52) and SMPL-X (55), with or without a batch of one in front. The first 22 joints are the same in
all.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from latentman.errors import ShapeError
from latentman.motion.recorded.arrays import numbers
from latentman.types import NUM_JOINTS, Array

log = logging.getLogger("latentman.motion")

_JOINTS = (21, 22, 23, 24, 52, 55)
"""Joints of the models' poses; 21 and 23 are those without the root."""

_FORMS = "(T, 72), (T, 156), (T, 165), (T, 24, 3) axis-angle, (T, 24, 6), or (T, 24, 3, 3) matrices"

_KNEES, _ELBOWS = (4, 5), (18, 19)


def joint_rotations(path: Path, name: str, values: object) -> Array:
    """Return axis-angle vectors (T, J, 3) in radians or matrices (T, J, 3, 3), in the parents' frames.

    Args:
        path: the file, for messages.
        name: the array's name, for messages.
        values: (T, J * n) or (T, J, n) with n of 3 (axis-angle), 6 or 9, or (T, J, 3, 3); the root alone has J = 1.

    Raises:
        ShapeError: if the shape is none of these, or the values are not real numbers.
    """
    array = numbers(path, name, values)
    if array.ndim > 2 and array.shape[0] == 1 and array.shape[1] > 1 and _per_joint(array[0]) is not None:
        array = array[0]
    joints = _per_joint(array)
    if joints is None:
        raise ShapeError(f"{path}: {name}: expected {_FORMS}, got {array.shape}")
    if joints.shape[2:] == (9,):
        return joints.reshape(*joints.shape[:2], 3, 3)
    return _from_six(path, joints.astype(np.float64)) if joints.shape[2:] == (6,) else joints


def as_matrices(turns: Array) -> Array:
    """Return rotations (T, J, 3, 3) of axis-angle vectors or matrices."""
    if turns.ndim == 4:
        return turns
    vectors = np.array(turns, dtype=np.float64)  # a copy: arrays out of pickles are read-only
    matrices: Array = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*turns.shape, 3)
    return matrices


def _per_joint(values: Array) -> Array | None:
    """Return values (T, J, n) or (T, J, 3, 3), or None if the shape is not one of a pose."""
    shape = values.shape
    if len(shape) == 2:
        if shape[1] in (3, 6, 9):
            return values[:, None]
        for width in (6, 9):
            if shape[1] % width == 0 and shape[1] // width in _JOINTS and shape[1] // 3 not in _JOINTS:
                return values.reshape(len(values), -1, width)
        return values.reshape(len(values), -1, 3) if shape[1] and shape[1] % 3 == 0 else None
    if len(shape) == 3 and shape[1:] == (3, 3):
        return values[:, None]
    if len(shape) == 3 and shape[2] in (3, 6, 9):
        return values
    return values if len(shape) == 4 and shape[2:] == (3, 3) else None


def _from_six(path: Path, six: Array) -> Array:
    """Return matrices of two rows (PyTorch3D), or of two columns where rows would bend knees and elbows backwards."""
    first = six[..., :3] / np.maximum(np.linalg.norm(six[..., :3], axis=-1, keepdims=True), 1e-12)
    second = six[..., 3:] - (first * six[..., 3:]).sum(axis=-1, keepdims=True) * first
    second /= np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), 1e-12)
    rows: Array = np.stack([first, second, np.cross(first, second)], axis=-2)
    if not np.isfinite(rows).all() or _bends(rows) >= 0:
        return rows
    log.info("%s: its six numbers a joint are the columns of the rotations: as rows, knees would bend backwards", path)
    return rows.swapaxes(-1, -2)


def _bends(matrices: Array) -> float:
    """Return by how many radians knees and elbows bend as people's do, summed over the clip; 0 without limbs."""
    if matrices.shape[1] < NUM_JOINTS:
        return 0.0
    turns = Rotation.from_matrix(matrices[:, [*_KNEES, *_ELBOWS]].reshape(-1, 3, 3)).as_rotvec().reshape(-1, 4, 3)
    return float(turns[:, :2, 0].sum() - turns[:, 2, 1].sum() + turns[:, 3, 1].sum())
