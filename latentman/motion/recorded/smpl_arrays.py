"""Named arrays of SMPL, SMPL-H and SMPL-X poses, under the names that data sets and pose estimators give them.

AMASS (``poses``, or ``root_orient`` and ``pose_body``), smplx and GVHMR (``global_orient`` and ``body_pose``), VIBE, WHAM
and PyMAF (``pose``, ``pose_world``), ROMP (``smpl_thetas``), AIST++ (``smpl_poses``), TRAM (``pred_rotmat``). Shapes
(``betas``) are not read: the pose is applied to the body that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentman.errors import DataError, ShapeError
from latentman.motion.recorded.pose_rotations import rotations
from latentman.motion.recorded.recording import Recording
from latentman.types import NUM_JOINTS, Array

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
SMPL_NAMES = {*POSE_NAMES, *_ANY_PATH, *RATES, *(name for names in PATHS.values() for name in names), "smpl_scaling"}
"""All arrays that are read of such a file."""


def smpl_recording(
    path: Path, data: Mapping[str, Any], *, usual_rate: float | None = None, usual_up: str = "z"
) -> Recording:
    """Return the recording that named arrays of poses describe.

    Args:
        path: the file, for messages.
        data: one of :data:`WHOLE`, or a pair of :data:`SPLIT`, in any form that :func:`rotations` reads; the root's path
            (T, 3) in metres, if there is one; the rate, if there is one.
        usual_rate: what files of this kind have if they state no rate; None refuses such a file.
        usual_up: the axis that is up in files of this kind, unless the clip shows another; AMASS has Z up.

    Raises:
        ShapeError: if an array has a shape that is not a pose's, or does not fit the others.
        DataError: if an array is missing, or a value is not finite.
    """
    name, turns = _rotations(path, data)
    return Recording(
        path=path,
        rotations=turns,
        root=_path(path, data, name, len(turns)),
        rate=next((data[key] for key in RATES if key in data), None),
        usual_rate=usual_rate,
        usual_up=usual_up,
    )


def _rotations(path: Path, data: Mapping[str, Any]) -> tuple[str, Array]:
    """Return the name of the poses and their rotations (T, 22, 3, 3)."""
    name = next((each for each in WHOLE if each in data), None)
    if name is not None:
        turns = rotations(path, name, data[name])
    else:
        name, turns = _joined(path, data)
    if turns.shape[1] < NUM_JOINTS:
        raise ShapeError(
            f"{path}: {name}: expected {NUM_JOINTS} joints or more, such as (T, 72) or (T, 24, 3), got {turns.shape[1]} "
            f"from {np.shape(data.get(name))}"
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
    root, body = (rotations(path, name, data[name]) for name in pair)
    if len(root) != len(body) or root.shape[1] != 1:
        raise ShapeError(
            f"{path}: expected {pair[0]} (T, 3) and {pair[1]} (T, 63), got {np.shape(data[pair[0]])} and "
            f"{np.shape(data[pair[1]])}"
        )
    return pair[1], np.concatenate([root, body], axis=1)


def _path(path: Path, data: Mapping[str, Any], poses: str, count: int) -> Array | None:
    """Return the root's path (T, 3) that belongs to the poses, or None if the file has none."""
    name = next((each for each in (*PATHS.get(poses, ()), *_ANY_PATH) if each in data), None)
    if name is None:
        return None
    values = np.asarray(data[name])
    if values.dtype.kind not in "fiu":
        raise ShapeError(f"{path}: {name}: expected numbers, got {values.dtype}")
    values = values.astype(np.float64)
    if values.shape in ((1, count, 3), (count, 1, 3)):
        values = values.reshape(count, 3)
    if values.shape != (count, 3):
        raise ShapeError(f"{path}: {name}: expected ({count}, 3), got {values.shape}")
    if "smpl_scaling" in data and name == "smpl_trans":
        values = values / float(np.asarray(data["smpl_scaling"]).reshape(-1)[0])
    return values
