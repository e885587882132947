"""AMASS files: SMPL's pose parameters over time (Mahmood et al., ICCV 2019).

The pose is applied to the T-pose joints of the body that will be shown, not to those of the recorded person, whose
``betas`` are therefore not read: the body's own bones fit it exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from latentman.errors import DataError, ShapeError
from latentman.motion.recorded.arrays import numbers
from latentman.motion.recorded.recording import Recording
from latentman.types import NUM_JOINTS, Array

POSE_KEYS = ("poses", "root_orient")
"""Either of these in an npz file says that it holds SMPL poses."""

_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")


def amass_recording(path: Path, data: Mapping[str, Array]) -> Recording:
    """Return the recording that the arrays of an AMASS file describe.

    Args:
        path: the file, for messages.
        data: ``poses`` (T, 66 or more) axis-angle in radians, of which the 22 body joints come first (SMPL 72, SMPL-H
            156, SMPL-X 165), or ``root_orient`` (T, 3) and ``pose_body`` (T, 63); ``trans`` (T, 3) metres; the rate.

    Raises:
        ShapeError: if the poses have another shape.
        DataError: if a key is missing.
    """
    name = next((key for key in _RATES if key in data), None)
    return Recording(
        path=path,
        rotations=_poses(path, data),
        root=_get(path, data, "trans"),
        rate=None if name is None else data[name],
        rate_stated="" if name is None else f"{name}={data[name]}",
        usual_up="z",
    )


def _get(path: Path, data: Mapping[str, Array], key: str) -> Array:
    if key not in data:
        raise DataError(
            f"{path} has no '{key}', only {', '.join(data)}; AMASS files hold poses, trans, mocap_framerate"
        )
    return data[key]


def _poses(path: Path, data: Mapping[str, Array]) -> Array:
    """Return the axis-angle poses (T, 22, 3) of the body's joints."""
    if "poses" in data:
        poses = numbers(path, "poses", data["poses"])
    else:
        parts = [numbers(path, key, _get(path, data, key)) for key in ("root_orient", "pose_body")]
        if any(part.ndim != 2 or len(part) != len(parts[0]) for part in parts):
            raise ShapeError(
                f"{path}: expected root_orient (T, 3) and pose_body (T, 63), got {[p.shape for p in parts]}"
            )
        poses = np.concatenate(parts, axis=1)
    width = NUM_JOINTS * 3
    if poses.ndim != 2 or poses.shape[1] < width or poses.shape[1] % 3:
        raise ShapeError(f"{path}: poses: expected (T, 72), (T, 156) or (T, 165), got {poses.shape}")
    return poses[:, :width].reshape(-1, NUM_JOINTS, 3)
