"""HumanML3D's 263 features of a moving skeleton: conversion from joints and back (Guo et al., CVPR 2022).

One frame holds, in this order: the root's turn, speed and height; the other joints relative to the root ("ric"); their
rotations; all joints' velocities; four foot contacts. Everything but the height is expressed in the frame of the body's
heading, so that a walk has the same features in every direction. 20 frames per second, metres, Y up.

Two quirks of the published data are kept, because every published statistic and checkpoint contains them: the heading
is measured with the hips swapped, and the first frame's heading is assumed to be +Z. One fault is not kept: half turns
are wrapped to the shorter direction. Without this, a heading that passes 180 degrees flips, and the recovered path
drifts by decimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from latentman.errors import DataError, ShapeError, WeightsError
from latentman.files.npz_file import read_npy
from latentman.files.schema import ArrayOf
from latentman.motion.rotations import swing, unit
from latentman.motion.skeleton import BONE_LENGTHS, PARENTS, about_y
from latentman.types import NUM_JOINTS, Array

FPS = 20.0
NUM_FEATURES = 263
MAX_FRAMES = 196
"""Longest clip of the data set, in frames: 9.8 seconds."""

ROOT_YAW = slice(0, 1)
"""Half of the turn to the next frame, radians."""
ROOT_VELOCITY = slice(1, 3)
"""x and z of the root's step to the next frame, metres per frame, in the next frame's heading."""
ROOT_HEIGHT = slice(3, 4)
ROOT = slice(0, 4)
RIC = slice(4, 67)
"""Joints 1 to 21: x and z relative to the root, y above the floor."""
ROTATIONS = slice(67, 193)
"""Joints 1 to 21: the first two columns of the local rotation. This is not SMPL's pose: the rest directions differ, and
there is no twist."""
VELOCITIES = slice(193, 259)
"""All 22 joints' steps to the next frame, metres per frame."""
CONTACTS = slice(259, 263)
"""Left ankle and toe, right ankle and toe: 1 where the step to the next frame is short."""

MIRROR = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20)
"""The joint on the other side of the body."""

_HEADING_SIGMA = 20.0
_CONTACT = 0.002
"""Squared step in square metres below which a foot counts as standing: 4.5 cm per frame, which is a very loose
bound."""

_CHAINS = ((0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20))
"""Chains of joints whose rotations follow each other; arms start again from the root, not from the chest."""

_X, _Y, _Z = np.eye(3)
_BONES = {1: _X, 13: _X, 2: -_X, 14: -_X, 3: _Y, 6: _Y, 9: _Y, 12: _Y, 10: _Z, 11: _Z, 15: _Z}


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and standard deviation (263,) with which features are normalised for a network."""

    mean: Array
    std: Array

    def __post_init__(self) -> None:
        for name, values in (("Mean", self.mean), ("Std", self.std)):
            if values.shape != (NUM_FEATURES,):
                raise WeightsError(f"{name}.npy: expected ({NUM_FEATURES},), got {values.shape}")
            if not np.isfinite(values).all():
                raise WeightsError(f"{name}.npy holds values that are not finite")
        if not (self.std > 0).all():
            raise WeightsError(f"Std.npy must be above 0 everywhere; feature {int(np.argmin(self.std))} is not")

    def normalise(self, features: Array) -> Array:
        """Return normalised features (..., 263)."""
        return (features - self.mean) / self.std

    def denormalise(self, values: Array) -> Array:
        """Return the features (..., 263) of normalised ones."""
        return values * self.std + self.mean

    @classmethod
    def read(cls, folder: Path) -> Statistics:
        """Read ``Mean.npy`` and ``Std.npy`` from a folder.

        Raises:
            WeightsError: if a file is missing, damaged, or not 263 finite numbers, with deviations above 0.
        """
        arrays = []
        for name in ("Mean.npy", "Std.npy"):
            try:
                array = read_npy(folder / name, error=WeightsError, wanted=ArrayOf("fiu", is_finite=False))
                arrays.append(array.astype(np.float64))
            except FileNotFoundError as error:
                raise WeightsError(f"no {name} in {folder}") from error
        return cls(*arrays)


def features(joints: Array) -> Array:
    """Return the features (T-1, 263) of joints (T, 22, 3) in metres at 20 fps.

    The first frame is assumed to face +Z at x = z = 0, as after :func:`canonicalise`.

    Raises:
        ShapeError: if the joints are no (T, 22, 3).
        DataError: if there are fewer than two frames, or values that are not finite.
    """
    joints = _checked(joints)
    yaw = heading(joints, smooth=True, swapped_hips=True)
    yaw[0] = 0.0
    turn = -yaw  # the rotation that takes each frame's heading to +Z
    facing = about_y(turn)
    steps = joints[1:] - joints[:-1]
    root_step = np.einsum("tij,tj->ti", facing[1:], steps[:, 0])
    local = joints.copy()
    local[..., [0, 2]] -= joints[:, :1, [0, 2]]
    local = np.einsum("tij,tkj->tki", facing, local)
    count = len(steps)
    return np.concatenate(
        [
            _wrapped(np.diff(turn))[:, None] / 2,
            root_step[:, [0, 2]],
            joints[:-1, 0, 1:2],
            local[:-1, 1:].reshape(count, -1),
            _local_rotations(joints, facing)[:-1].reshape(count, -1),
            np.einsum("tij,tkj->tki", facing[:-1], steps).reshape(count, -1),
            ((steps[:, [7, 10, 8, 11]] ** 2).sum(-1) < _CONTACT).astype(np.float64),
        ],
        axis=-1,
    )


def recover(values: Array) -> Array:
    """Return the joints (T, 22, 3) in metres described by features (T, 263); rotations and velocities are not used.

    Raises:
        ShapeError: if the features are not (T, 263).
        DataError: if there are no frames, or a value is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != NUM_FEATURES:
        raise ShapeError(f"features: expected (T, {NUM_FEATURES}), got {values.shape}")
    if len(values) < 1 or not np.isfinite(values).all():
        raise DataError("features: at least one frame and only finite values are needed")
    turn = 2 * np.concatenate([[0.0], np.cumsum(values[:-1, 0])])
    back = about_y(-turn)
    steps = np.zeros((len(values), 3))
    steps[1:, [0, 2]] = values[:-1, ROOT_VELOCITY]
    root = np.cumsum(np.einsum("tij,tj->ti", back, steps), axis=0)
    root[:, 1] = values[:, 3]
    return place(root, back, values[:, RIC].reshape(len(values), NUM_JOINTS - 1, 3))


def place(root: Array, rotation: Array, local: Array) -> Array:
    """Return joints (T, 22, 3) from the root (T, 3), its heading (T, 3, 3) and "ric" joints (T, 21, 3)."""
    others = np.einsum("tij,tkj->tki", rotation, local)
    others[..., [0, 2]] += root[:, None, [0, 2]]
    return np.concatenate([root[:, None], others], axis=1)


def heading(joints: Array, *, smooth: bool = False, swapped_hips: bool = False) -> Array:
    """Return the yaw (T,) of the body's heading in radians: 0 is +Z, a quarter turn is +X.

    The forward direction is perpendicular to the mean direction of hips and shoulders.

    Args:
        joints: (T, 22, 3).
        smooth: smooth the direction over a second, as the features do.
        swapped_hips: swap the hips, as the features do.
    """
    hips = joints[:, 2] - joints[:, 1]
    across = unit((-hips if swapped_hips else hips) + joints[:, 17] - joints[:, 16])
    forward = np.cross(np.array([0.0, 1.0, 0.0]), across)
    if smooth:
        forward = gaussian_filter1d(forward, _HEADING_SIGMA, axis=0, mode="nearest")
    return np.arctan2(forward[:, 0], forward[:, 2])


def canonicalise(joints: Array, *, grounded: bool = True) -> Array:
    """Return joints (T, 22, 3) that start at x = z = 0, facing +Z.

    ``grounded`` puts the lowest joint of the whole clip on the floor, as HumanML3D does; otherwise heights are kept.
    """
    moved = np.array(joints, dtype=np.float64)
    if grounded:
        moved[..., 1] -= moved[..., 1].min()
    moved[..., [0, 2]] -= moved[0, 0, [0, 2]]
    return moved @ about_y(-heading(moved[:1])[0]).T


def retarget(joints: Array) -> Array:
    """Return joints (T, 22, 3) with the template's bone lengths and their own directions.

    The root's path is scaled by the leg length, measured in the first frame, so that steps still match the legs.

    Raises:
        ShapeError: if the joints are no (T, 22, 3).
        DataError: if there are fewer than two frames, or values that are not finite, or a leg without length.
    """
    joints = _checked(joints, frames=1)
    leg = sum(float(np.linalg.norm(joints[0, joint] - joints[0, PARENTS[joint]])) for joint in (5, 8))
    if leg < 1e-6:
        raise DataError("cannot retarget the motion: its right leg has no length in the first frame")
    result = np.empty_like(joints)
    result[:, 0] = joints[:, 0] * (BONE_LENGTHS[5] + BONE_LENGTHS[8]) / leg
    for joint, parent in enumerate(PARENTS[1:], start=1):
        result[:, joint] = result[:, parent] + BONE_LENGTHS[joint] * unit(joints[:, joint] - joints[:, parent])
    return result


def mirror(joints: Array) -> Array:
    """Return the motion (T, 22, 3) with left and right exchanged."""
    return joints[:, list(MIRROR)] * np.array([-1.0, 1.0, 1.0])


def _local_rotations(joints: Array, facing: Array) -> Array:
    """Return the 6-d rotations (T, 21, 6) of joints 1 to 21: each bone's smallest rotation from its rest direction."""
    columns = np.empty((len(joints), NUM_JOINTS - 1, 6))
    for chain in _CHAINS:
        above = facing
        for parent, joint in pairwise(chain):
            turned = swing(_BONES.get(joint, -_Y), joints[:, joint] - joints[:, parent])
            local = above.transpose(0, 2, 1) @ turned
            columns[:, joint - 1] = np.concatenate([local[..., 0], local[..., 1]], axis=-1)
            above = turned
    return columns


def _wrapped(angle: Array) -> Array:
    """Return angles in radians, wrapped to the shorter direction."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _checked(joints: Array, frames: int = 2) -> Array:
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (NUM_JOINTS, 3):
        raise ShapeError(f"joints: expected (T, {NUM_JOINTS}, 3), got {joints.shape}")
    if len(joints) < frames:
        raise DataError(f"joints: {len(joints)} frames are too few, {frames} are needed")
    if not np.isfinite(joints).all():
        raise DataError(f"joints are not finite, first in frame {int(np.argwhere(~np.isfinite(joints))[0][0])}")
    return joints
