"""The arrays of a recording, checked alike for every format: kind, shape, length, finite values, true rotations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from latentman.errors import DataError, ShapeError
from latentman.motion.recorded.resample import MAX_FRAMES
from latentman.types import NUM_JOINTS, Array

_ORTHOGONAL = 0.02
"""Largest error of an entry of R Rᵀ against the identity at which a matrix still counts as a rotation."""

_HUGE = 1e7
"""Beyond this a coordinate is a mistake (10 kilometres in millimetres), and so is an angle or a matrix's entry."""


def positions(path: Path, joints: object) -> Array:
    """Return joints (T, 22, 3) in float64 of an array with 22 joints or more.

    Raises:
        ShapeError: if it has another shape, or holds no real numbers.
        DataError: if it has fewer than two frames or too many, or a value is not finite.
    """
    array = numbers(path, "joints", joints)
    if array.ndim != 3 or array.shape[1] < NUM_JOINTS or array.shape[2] != 3:
        raise ShapeError(f"{path}: expected joints (T, 22, 3) or more joints, 22 first, got {array.shape}")
    return bounded(path, "joints", array[:, :NUM_JOINTS])


def rotations(path: Path, local: object, root: object) -> tuple[Array, Array]:
    """Return rotation matrices (T, 22, 3, 3) and the path (T, 3) of the pelvis, zero where there is none.

    Args:
        path: the file, for messages.
        local: (T, 22 or more, 3) axis-angle in radians, or (T, 22 or more, 3, 3) matrices.
        root: (T, 3) metres, or None.

    Raises:
        ShapeError: if an array has another shape, or holds no real numbers.
        DataError: if there are fewer than two frames or too many, a value is not finite, or a matrix not a rotation.
    """
    poses = numbers(path, "poses", local)
    if poses.ndim not in (3, 4) or poses.shape[1] < NUM_JOINTS or poses.shape[2:] not in ((3,), (3, 3)):
        raise ShapeError(f"{path}: expected poses (T, 22 or more, 3) or (T, 22 or more, 3, 3), got {poses.shape}")
    poses = bounded(path, "poses", poses[:, :NUM_JOINTS])
    if poses.ndim == 3:
        poses = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(*poses.shape, 3)
    else:
        _check_rotations(path, poses)
    if root is None:
        return poses, np.zeros((len(poses), 3))
    places = numbers(path, "trans", root)
    if places.shape != (len(poses), 3):
        raise ShapeError(f"{path}: trans: expected ({len(poses)}, 3), got {places.shape}")
    return poses, bounded(path, "trans", places)


def numbers(path: Path, name: str, values: object) -> Array:
    """Return an array of real numbers.

    Raises:
        ShapeError: if it holds anything else: text, complex numbers, truth values, objects.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ShapeError(f"{path}: {name} is not an array: {error}") from error
    if array.dtype.kind not in "iuf":
        raise ShapeError(f"{path}: {name}: expected real numbers, got {array.dtype}")
    return array


def bounded(path: Path, name: str, array: Array) -> Array:
    """Return an array over frames in float64, of numbers that later arithmetic can bear.

    Raises:
        DataError: if it has fewer than two frames or more than :data:`MAX_FRAMES`, or a value is not finite or is
            beyond 1e7.
    """
    if not 2 <= len(array) <= MAX_FRAMES:
        raise DataError(f"{path} has {len(array)} frames: a motion needs two to {MAX_FRAMES}")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        frame = int(np.argwhere(~np.isfinite(values))[0][0])
        raise DataError(f"{path}: {name} holds values that are not finite, first at frame {frame}; repair or cut it")
    if values.size and np.abs(values).max() > _HUGE:
        frame, largest = int(np.argwhere(np.abs(values) > _HUGE)[0][0]), np.abs(values).max()
        raise DataError(f"{path}: {name} holds values up to {largest:.3g}, first at frame {frame}; repair or cut it")
    return values


def _check_rotations(path: Path, matrices: Array) -> None:
    error = np.abs(matrices @ matrices.swapaxes(-1, -2) - np.eye(3)).max(axis=(-1, -2))
    error = np.where(np.linalg.det(matrices) > 0, error, np.inf)
    if (error > _ORTHOGONAL).any():
        frame, joint = (int(i) for i in np.argwhere(error > _ORTHOGONAL)[0])
        raise DataError(
            f"{path}: the matrix of joint {joint} in frame {frame} is not a rotation; check the layout of the poses"
        )
