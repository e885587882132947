"""The Anny body, exported to plain arrays: neutral, male and female adults of 12,552 vertices on SMPL's joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentman.body.charts import build_charts
from latentman.body.mesh import close_holes
from latentman.body.skeleton import NUM_BODY_JOINTS, PARENTS
from latentman.body.skinning import Body, bind_rotations, bone_offsets
from latentman.body.torso import move_torso_joints, spread_spine_weights
from latentman.config import BodyConfig
from latentman.errors import WeightsError
from latentman.files.npz_file import read_npz
from latentman.system.paths import asset
from latentman.types import Array

_SHAPES: dict[str, tuple[int | str, ...]] = {
    "v_bind": ("V", 3),
    "j_bind": (NUM_BODY_JOINTS, 3),
    "faces": ("F", 3),
    "skin_idx": ("V", "B"),
    "skin_w": ("V", "B"),
    "face_seg": ("F",),
    "parents": (NUM_BODY_JOINTS,),
}
"""Arrays of the file and their shapes; equal letters are equal lengths."""


def load_anny(cfg: BodyConfig) -> Body:
    """Read the exported body of ``body.shape``.

    Raises:
        WeightsError: if the file is missing, damaged or inconsistent.
    """
    return read_body(asset("bodies", f"anny_{cfg.shape}.npz"))


def read_body(path: Path) -> Body:
    """Read a body file and compute the derived arrays: rest pose, bone vectors, charts.

    Raises:
        WeightsError: if the file is missing, damaged or inconsistent.
    """
    data = _read_arrays(path)
    vertices, joints = data["v_bind"].astype(np.float64), data["j_bind"].astype(np.float64)
    faces = data["faces"].astype(np.int64)
    weights = np.zeros((len(vertices), NUM_BODY_JOINTS))
    np.add.at(weights, (np.arange(len(vertices))[:, None], data["skin_idx"]), data["skin_w"].astype(np.float64))
    weights /= weights.sum(1, keepdims=True)
    vertices, faces, weights = close_holes(vertices, faces, weights)
    joints = move_torso_joints(joints)
    weights = spread_spine_weights(vertices, joints, weights)
    segments = np.pad(data["face_seg"], (0, len(faces) - len(data["face_seg"])))
    rotations = bind_rotations(joints)
    part, corner_uv = build_charts(vertices, faces, joints, weights, rotations, segments)
    return Body(
        vertices=vertices,
        joints=joints,
        faces=faces,
        weights=weights,
        bind_rotations=rotations,
        offsets=bone_offsets(joints, rotations),
        stretch=np.tile(np.eye(3), (NUM_BODY_JOINTS, 1, 1)),
        part=part,
        corner_uv=corner_uv,
    )


def _read_arrays(path: Path) -> dict[str, Array]:
    """Read and check the arrays of a body file."""
    try:
        data = read_npz(path, error=WeightsError, advice="reinstall latentman, which ships it", names=_SHAPES)
    except FileNotFoundError as error:
        raise WeightsError(f"no body at {path}: reinstall latentman, which ships it") from error
    problem = _find_problem(data)
    if problem:
        raise WeightsError(f"the body {path} is damaged: {problem}; reinstall latentman, which ships it")
    return data


def _find_problem(data: dict[str, Array]) -> str | None:
    """Return what is wrong with the arrays of a body, or None."""
    lengths: dict[int | str, int] = {}
    for name, axes in _SHAPES.items():
        if name not in data:
            return f"it lacks {name}"
        array = data[name]
        if array.dtype.kind not in "fiu":
            return f"{name} holds values of type {array.dtype}"
        if len(array.shape) != len(axes):
            return f"{name} has shape {array.shape}"
        for axis, length in zip(axes, array.shape, strict=True):
            if length != (axis if isinstance(axis, int) else lengths.setdefault(axis, length)):
                return f"{name} has shape {array.shape}"
        if not np.isfinite(array).all():
            return f"{name} holds values that are not finite"
    if tuple(data["parents"].tolist()) != PARENTS:
        return "parents is not SMPL's tree"
    if data["faces"].min() < 0 or data["faces"].max() >= lengths["V"]:
        return "faces name vertices that do not exist"
    if data["skin_idx"].max() >= NUM_BODY_JOINTS or np.abs(data["skin_w"].sum(1) - 1).max() > 1e-3:
        return "the skinning weights are not weights of 24 joints"
    return None
