"""AMASS files: SMPL's pose parameters over time (Mahmood et al., ICCV 2019), turned into joints of the fitted body.

The pose is applied to the T-pose joints of the body that will be shown, not to those of the recorded person, whose
``betas`` are therefore not read: the body's own bones fit it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from latentman.errors import ConfigError, DataError, ShapeError
from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.upright import find_up, y_up
from latentman.motion.skeleton import ANKLES, HIPS, KNEES, forward_kinematics
from latentman.types import NUM_JOINTS, Array

POSE_KEYS = ("poses", "root_orient")
"""Either of these in an npz file says that it holds SMPL poses."""

_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")
_SMPL_LEG = 0.7775
"""Thigh and shin of SMPL's mean shape, metres: the root's path is scaled by the body's legs over this."""


def read_amass(
    path: Path, data: Mapping[str, Array], rest_joints: Callable[[], Array] | None, fps: float | None = None
) -> Recording:
    """Return the recording that the arrays of an AMASS file describe.

    Args:
        path: the file, for messages.
        data: ``poses`` (T, 66 or more) axis-angle in radians, of which the 22 body joints come first (SMPL 72, SMPL-H
            156, SMPL-X 165), or ``root_orient`` (T, 3) and ``pose_body`` (T, 63); ``trans`` (T, 3) metres; the rate.
        rest_joints: gives the body's T-pose joints (24, 3) in metres.
        fps: frames a second, instead of the file's own.

    Raises:
        ConfigError: if no body is known.
        ShapeError: if an array has another shape.
        DataError: if a key is missing, or a value is not finite.
    """
    if rest_joints is None:
        raise ConfigError(
            f"motion.file={path} holds rotations, which need the bones of a body: run it with body=anny or body=smpl, "
            "or give a file of joints"
        )
    poses, root = _poses(path, data), np.asarray(_get(path, data, "trans"), dtype=np.float64)
    if root.shape != (len(poses), 3):
        raise ShapeError(f"{path}: trans: expected ({len(poses)}, 3), got {root.shape}")
    for name, values in (("poses", poses), ("trans", root)):
        if not np.isfinite(values).all():
            raise DataError(f"{path}: {name} holds values that are not finite; repair or cut the file")
    rest = np.asarray(rest_joints(), dtype=np.float64)
    leg = sum(float(np.linalg.norm(rest[b] - rest[a])) for a, b in ((HIPS[0], KNEES[0]), (KNEES[0], ANKLES[0])))
    joints = smpl_joints(poses, root * (leg / _SMPL_LEG), rest)
    return Recording(y_up(joints, find_up(joints, otherwise="z")), _rate(path, data, fps), rigged=False)


def smpl_joints(poses: Array, root: Array, rest: Array) -> Array:
    """Return joints (T, 22, 3) for axis-angle poses (T, 22, 3) in radians, pelvis positions (T, 3) and the T-pose."""
    local = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(*poses.shape, 3)
    return forward_kinematics(local, root, rest)


def _get(path: Path, data: Mapping[str, Array], key: str) -> Array:
    if key not in data:
        raise DataError(
            f"{path} has no '{key}', only {', '.join(data)}; AMASS files hold poses, trans, mocap_framerate"
        )
    return data[key]


def _poses(path: Path, data: Mapping[str, Array]) -> Array:
    """Return the axis-angle poses (T, 22, 3) of the body's joints."""
    if "poses" in data:
        poses = np.asarray(data["poses"], dtype=np.float64)
    else:
        parts = [np.asarray(_get(path, data, key), dtype=np.float64) for key in ("root_orient", "pose_body")]
        if any(part.ndim != 2 or len(part) != len(parts[0]) for part in parts):
            raise ShapeError(
                f"{path}: expected root_orient (T, 3) and pose_body (T, 63), got {[p.shape for p in parts]}"
            )
        poses = np.concatenate(parts, axis=1)
    width = NUM_JOINTS * 3
    if poses.ndim != 2 or poses.shape[1] < width or poses.shape[1] % 3:
        raise ShapeError(f"{path}: poses: expected (T, 72), (T, 156) or (T, 165), got {poses.shape}")
    if len(poses) < 2:
        raise DataError(f"{path} has {len(poses)} frames: a motion needs two or more")
    return poses[:, :width].reshape(-1, NUM_JOINTS, 3)


def _rate(path: Path, data: Mapping[str, Array], fps: float | None) -> float:
    if fps is not None:
        return fps
    rate = next((float(data[key]) for key in _RATES if key in data), None)
    if rate is None:
        raise DataError(f"{path} does not say its frame rate ({', '.join(_RATES)}); give it as motion.file_fps=120")
    if not 0 < rate < np.inf:
        raise DataError(f"{path}: a frame rate of {rate:g}; give the true one as motion.file_fps=120")
    return rate
