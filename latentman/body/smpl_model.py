"""SMPL and SMPL-X as plain arrays: the required contents of a model file, in either format, and their checks.

SMPL: Loper et al., SIGGRAPH Asia 2015; SMPL-X: Pavlakos et al., CVPR 2019. The first 22 of SMPL-X's 55 joints are
SMPL's; then come the jaw, two eyes, and three joints for each finger.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentman.body.skeleton import PARENTS
from latentman.body.smpl_file import read_pickle
from latentman.errors import WeightsError
from latentman.files.npz_file import read_npz
from latentman.system.paths import write_npz
from latentman.types import NUM_JOINTS, Array

NAMES = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table")
"""The arrays that a body needs; other arrays in the file are not read."""

SMPLX_PARENTS = (
    *PARENTS[:NUM_JOINTS],
    *(15, 15, 15),
    *(20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38),
    *(21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53),
)
"""The parent of jaw and eyes is the head; each hand's fingers, with three joints each, start at its wrist."""

_TREES = {"SMPL": PARENTS, "SMPL-X": SMPLX_PARENTS}

_SUM_ERROR = 1e-3
"""Tolerance of the sum of weights, for single precision and rounding in the files."""


@dataclass(frozen=True, slots=True)
class SMPLModel:
    """A model's arrays, float64 and int64; V vertices, J joints (24 or 55), B shape parameters.

    ``v_template`` (V, 3) metres; ``shapedirs`` (V, 3, B); ``posedirs`` (V, 3, 9 (J - 1)); ``regressor`` (J, V);
    ``weights`` (V, J); ``faces`` (F, 3); ``kind`` "SMPL" or "SMPL-X".
    """

    v_template: Array
    shapedirs: Array
    posedirs: Array
    regressor: Array
    weights: Array
    faces: Array
    kind: str


def read_model(path: Path) -> SMPLModel:
    """Read a model from an ``.npz`` of plain arrays or an official ``.pkl``, without executing anything in it.

    Raises:
        WeightsError: if the file is missing, damaged, malicious, or not an SMPL or SMPL-X model.
    """
    data = _read_npz(path) if path.suffix.lower() == ".npz" else read_pickle(path, NAMES)
    problem = _find_problem(data)
    if problem:
        raise WeightsError(f"{path} is not an SMPL or SMPL-X model: {problem}")
    joints = data["weights"].shape[1]
    return SMPLModel(
        v_template=data["v_template"].astype(np.float64),
        shapedirs=data["shapedirs"].astype(np.float64),
        posedirs=data["posedirs"].astype(np.float64),
        regressor=data["J_regressor"].astype(np.float64),
        weights=data["weights"].astype(np.float64),
        faces=data["f"].astype(np.int64),
        kind=next(kind for kind, tree in _TREES.items() if len(tree) == joints),
    )


def write_model(path: Path, model: SMPLModel) -> None:
    """Write a model as an ``.npz`` of plain arrays under the official names, in single precision."""
    tree = np.array(_TREES[model.kind], dtype=np.int64)
    write_npz(
        path,
        {
            "v_template": model.v_template.astype(np.float32),
            "shapedirs": model.shapedirs.astype(np.float32),
            "posedirs": model.posedirs.astype(np.float32),
            "J_regressor": model.regressor.astype(np.float32),
            "weights": model.weights.astype(np.float32),
            "f": model.faces,
            "kintree_table": np.stack([tree, np.arange(len(tree))]),
        },
    )


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        data = read_npz(path, error=WeightsError, advice="convert the official file again", names=NAMES)
    except FileNotFoundError as error:
        raise WeightsError(
            f"there is no SMPL model {path}; give the path of the downloaded or converted file"
        ) from error
    lacking = [name for name in NAMES if name not in data]
    if lacking:
        raise WeightsError(f"{path} is not an SMPL or SMPL-X model: it lacks {', '.join(lacking)}")
    return data


def _find_problem(data: dict[str, Array]) -> str | None:
    """Return what is wrong with a model's arrays, or None.

    The number of vertices is taken from the file: 6890 in SMPL and 10475 in SMPL-X, but nothing here depends on it.
    """
    return _find_misfit(data) or _find_bad_value(data)


def _find_misfit(data: dict[str, Array]) -> str | None:
    """Return the first array with the wrong data type or shape, or None."""
    for name in NAMES:
        kinds, what = ("iu", "indices") if name in ("f", "kintree_table") else ("fiu", "numbers")
        if data[name].dtype.kind not in kinds:
            return f"{name} holds {data[name].dtype}, not {what}"
    if data["weights"].ndim != 2 or data["weights"].shape[1] not in map(len, _TREES.values()):
        return f"weights has shape {data['weights'].shape}, (V, 24) or (V, 55) is needed"
    vertices, joints = data["weights"].shape
    shapes = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, None),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "f": (None, 3),
        "kintree_table": (2, joints),
    }
    for name, shape in shapes.items():
        array = data[name]
        fits = len(shape) == array.ndim and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
        if not fits or not array.size:
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            return f"{name} has shape {array.shape}, ({wanted}) is needed"
    return None


def _find_bad_value(data: dict[str, Array]) -> str | None:
    """Return the first array whose values are invalid for a model, or None."""
    for name in NAMES:
        if not np.isfinite(data[name]).all():
            return f"{name} holds values that are not finite"
    vertices, joints = data["weights"].shape
    if data["f"].min() < 0 or data["f"].max() >= vertices:
        return "f names vertices that do not exist"
    if np.abs(data["weights"].sum(1) - 1).max() > _SUM_ERROR or data["weights"].min() < -_SUM_ERROR:
        return "weights are not shares that sum to 1"
    joint_places = data["J_regressor"] @ data["v_template"]
    if (joint_places < data["v_template"].min(0)).any() or (joint_places > data["v_template"].max(0)).any():
        return "J_regressor puts joints outside the body"
    tree = next(tree for tree in _TREES.values() if len(tree) == joints)
    parents, numbers = data["kintree_table"].tolist()
    if parents[1:] != list(tree[1:]) or numbers != list(range(joints)):
        return "kintree_table is another tree of joints"
    return None
