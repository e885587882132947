"""Named arrays of SMPL, SMPL-H and SMPL-X poses, under the names that data sets and pose estimators give them.

AMASS (``poses``, or ``root_orient`` and ``pose_body``), smplx and GVHMR (``global_orient`` and ``body_pose``), VIBE,
WHAM and PyMAF (``pose``, ``pose_world``), ROMP (``smpl_thetas``), AIST++ (``smpl_poses``), TRAM (``pred_rotmat``).
Shapes (``betas``) are not read: the pose is applied to the body that is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentman.errors import DataError, ShapeError
from latentman.motion.recorded.arrays import numbers
from latentman.motion.recorded.pose_rotations import as_matrices, joint_rotations
from latentman.motion.recorded.recording import Recording
from latentman.types import NUM_JOINTS, Array

log = logging.getLogger("latentman.motion")

WHOLE = (
    "poses", "pose_world", "poses_world", "pose", "fullpose", "full_pose", "smpl_poses", "smpl_thetas", "thetas",
    "pred_rotmat",
)  # fmt: skip
"""Names of arrays that hold the root and the body, in the order in which they are preferred."""

SPLIT = (("root_orient", "pose_body"), ("global_orient", "body_pose"))
"""Names of the root's and the body's array."""

POSE_NAMES = (*WHOLE, *(name for pair in SPLIT for name in pair))
"""Each of these says that a file holds SMPL poses."""

PATHS = {
    "pose_world": ("trans_world",),
    "poses_world": ("trans_world",),
    "smpl_poses": ("smpl_trans",),
    "pred_rotmat": ("pred_trans",),
}
"""Names of the root's path that belong to one array of poses only."""

_ANY_PATH = ("trans", "transl", "translation", "root_trans", "root_translation")
RATES = ("mocap_framerate", "mocap_frame_rate", "fps", "frame_rate", "framerate")

READ = {*POSE_NAMES, *_ANY_PATH, *RATES, *(name for names in PATHS.values() for name in names), "smpl_scaling"}
"""Names of all arrays that are read."""

_AMASS = ("poses", "pose_body")
"""Names of AMASS, whose files state their rate."""

_VIDEO_RATE = 30.0
"""Frames a second of most videos, and of GVHMR's results: what is taken where a pose estimator's file states none."""


def smpl_recording(path: Path, data: Mapping[str, Any], *, usual_up: str | None = None) -> Recording:
    """Return the recording that named arrays of poses describe.

    Args:
        path: the file, for messages.
        data: one of :data:`WHOLE`, or a pair of :data:`SPLIT`, in any form that :func:`joint_rotations` reads; the
            root's path (T, 3) in metres and the rate, if there are any.
        usual_up: the axis that is up in files of this kind, unless the clip shows another; None takes Z for AMASS's
            names, else Y.

    Raises:
        ShapeError: if an array has a shape that is not a pose's, or does not fit the others.
        DataError: if an array is missing.
    """
    name, turns = _rotations(path, data)
    root = _root_path(path, data, name, len(turns))
    if root is None:
        log.warning("%s has no path of the root (trans): the body moves on the spot", path)
    rate = next((key for key in RATES if key in data), None)
    return Recording(
        path=path,
        rotations=turns,
        root=root,
        rate=None if rate is None else data[rate],
        rate_stated="" if rate is None else f"{rate}={data[rate]!s:.40}",
        usual_rate=None if name in _AMASS else _VIDEO_RATE,
        usual_up=usual_up or ("z" if name in _AMASS else "y"),
    )


def _rotations(path: Path, data: Mapping[str, Any]) -> tuple[str, Array]:
    """Return the name of the poses and their rotations, axis-angle (T, 22, 3) or matrices (T, 22, 3, 3)."""
    name = next((each for each in WHOLE if each in data), None)
    if name is not None:
        turns = joint_rotations(path, name, data[name])
    else:
        name, turns = _joined(path, data)
    if turns.shape[1] < NUM_JOINTS:
        raise ShapeError(
            f"{path}: {name}: expected (T, 72), (T, 156) or (T, 165), or joint by joint as (T, 24, 3), of {NUM_JOINTS} "
            f"joints or more, got {np.shape(data[name])}"
        )
    return name, turns[:, :NUM_JOINTS]


def _joined(path: Path, data: Mapping[str, Any]) -> tuple[str, Array]:
    """Return the rotations of the root and of the body as one array."""
    pair = next((each for each in SPLIT if any(name in data for name in each)), SPLIT[0])
    for name in pair:
        if name not in data:
            raise DataError(
                f"{path} has no '{name}', only {', '.join(map(str, data))}; poses are held by {' and '.join(pair)}, or "
                f"by one of {', '.join(WHOLE)}"
            )
    root, body = (joint_rotations(path, name, data[name]) for name in pair)
    if len(root) != len(body) or root.shape[1] != 1:
        raise ShapeError(
            f"{path}: expected {pair[0]} (T, 3) and {pair[1]} (T, 63), got {np.shape(data[pair[0]])} and "
            f"{np.shape(data[pair[1]])}"
        )
    if root.ndim != body.ndim:
        root, body = as_matrices(root), as_matrices(body)
    return pair[1], np.concatenate([root, body], axis=1)


def _root_path(path: Path, data: Mapping[str, Any], poses: str, count: int) -> Array | None:
    """Return the root's path (T, 3) that belongs to the poses, or None if the file has none."""
    name = next((each for each in (*PATHS.get(poses, ()), *_ANY_PATH) if each in data), None)
    if name is None:
        return None
    values = numbers(path, name, data[name])
    if values.shape in ((1, count, 3), (count, 1, 3)):
        values = values.reshape(count, 3)
    if name == "smpl_trans" and "smpl_scaling" in data:
        scale = numbers(path, "smpl_scaling", data["smpl_scaling"])
        if scale.size != 1 or not float(scale.reshape(())) > 0:
            raise DataError(f"{path}: smpl_scaling={scale!s:.40} must be one number above 0")
        values = values / float(scale.reshape(()))
    return values
