"""``body=smpl`` and ``body=smplx``: the user's own model files, skinned by the same code as all other bodies.

Zero rotations are the model's T-pose, in which it is also bound; vertices are corrected by shape and pose before they
are skinned. SMPL-X is used as a body with SMPL's 24 joints: its fingers follow the hands, jaw and eyes follow the head.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentman.body.charts import build_charts
from latentman.body.skeleton import NUM_BODY_JOINTS
from latentman.body.skinning import Body, bone_offsets
from latentman.body.smpl_model import SMPLModel, read_model
from latentman.config import BodyConfig
from latentman.errors import WeightsError
from latentman.system.paths import user_path
from latentman.types import NUM_JOINTS, Array

NUM_BETAS = 10
"""Number of fitted shape parameters; more are used if ``body.betas`` gives more."""

SITES = {"smpl": "smpl.is.tue.mpg.de", "smplx": "smpl-x.is.tue.mpg.de"}
"""Sites for registration and download."""

_KINDS = {"smpl": "SMPL", "smplx": "SMPL-X"}
_LETTERS = {"neutral": "neutral", "male": "m", "female": "f"}

_HANDS = {22: range(25, 40), 23: range(40, 55)}
"""SMPL's hands, and the joints of SMPL-X's fingers, left and right."""

_KNUCKLES = {22: 28, 23: 43}
"""SMPL-X joints at SMPL's hand joints: the first joints of the middle fingers."""

_FACE, _HEAD = range(22, 25), 15

_SMPLX_SHAPES = 300
"""Shape directions in a full SMPL-X file, before the expression directions; smaller files have 10 of each."""


def load_smpl(cfg: BodyConfig, weights: Path) -> Body:
    """Return the model of ``body.shape`` with betas 0.

    Raises:
        WeightsError: if the file is missing, damaged, or the other kind of model.
    """
    return make_body(read_chosen(cfg, weights), max(NUM_BETAS, len(cfg.betas)))


def read_chosen(cfg: BodyConfig, weights: Path) -> SMPLModel:
    """Read and check the model file that ``load_smpl`` uses.

    Raises:
        WeightsError: if the file is missing, damaged, or the other kind of model.
    """
    path = find_model(cfg, weights)
    model = read_model(path)
    if model.kind != _KINDS[cfg.name]:
        other = next(name for name, kind in _KINDS.items() if kind == model.kind)
        raise WeightsError(f"{path} is an {model.kind} model: use body={other}, or another body.model")
    return model


def find_model(cfg: BodyConfig, weights: Path) -> Path:
    """Return the file of ``body.shape``: ``body.model`` or the one in its folder, else from the user's weights.

    Raises:
        WeightsError: naming the file, every place that was searched, and how to get it.
    """
    named = None if cfg.model is None else user_path(cfg.model).absolute()
    if named is not None and (named.is_file() or named.suffix.lower() in (".npz", ".pkl")):
        if not named.is_file():
            raise WeightsError(f"body.model={cfg.model}: there is no file {named}; {_advice(cfg)}")
        return named
    folder = named or weights / cfg.name
    patterns = _file_names(cfg)
    for place in (folder, folder / cfg.name):
        for pattern in patterns:
            found = sorted(place.glob(pattern)) if place.is_dir() else []
            if found:
                return found[-1]
    key = f"body.model={cfg.model}" if named else "paths.weights, which is $LATENTMAN_WEIGHTS or ~/.cache/latentman"
    raise WeightsError(f"body={cfg.name} needs {patterns[0]}, and there is none in {folder} ({key}). {_advice(cfg)}")


def _advice(cfg: BodyConfig) -> str:
    """Return instructions for getting a model."""
    return (
        f"{_KINDS[cfg.name]} may not be redistributed: register at {SITES[cfg.name]} (research licence), download it, "
        "and run `latentman assets import-smpl FILE`, or set body.model to the file\nmotion sampling needs no SMPL, "
        "and body=anny needs no download"
    )


def _file_names(cfg: BodyConfig) -> list[str]:
    """Return the possible file names of a model, the converted one first."""
    if cfg.name == "smplx":
        return [f"SMPLX_{cfg.shape.upper()}.npz", f"SMPLX_{cfg.shape.upper()}.pkl"]
    official = f"basic[mM]odel_{_LETTERS[cfg.shape]}_lbs_*.pkl"
    return [f"SMPL_{cfg.shape.upper()}.npz", f"SMPL_{cfg.shape.upper()}.pkl", official]


def make_body(model: SMPLModel, num_betas: int = NUM_BETAS) -> Body:
    """Return a model as a body of 24 joints with a shape space of up to ``num_betas`` directions."""
    directions = model.shapedirs[..., : min(num_betas, _num_shapes(model))].copy()  # frees the others
    regressor, weights = _to_smpl_joints(model)
    joints = regressor @ model.v_template
    rotations = np.tile(np.eye(3), (NUM_BODY_JOINTS, 1, 1))
    segments = np.zeros(len(model.faces), dtype=np.int64)
    part, corner_uv = build_charts(model.v_template, model.faces, joints, weights, rotations, segments)
    return Body(
        vertices=model.v_template,
        joints=joints,
        faces=model.faces,
        weights=weights,
        bind_rotations=rotations,
        offsets=bone_offsets(joints, rotations),
        stretch=np.tile(np.eye(3), (NUM_BODY_JOINTS, 1, 1)),
        part=part,
        corner_uv=corner_uv,
        betas=np.zeros(directions.shape[-1]),
        shape_directions=directions,
        joint_directions=np.einsum("jv,vcb->jcb", regressor, directions),
        pose_directions=_pose_directions(model),
    )


def _num_shapes(model: SMPLModel) -> int:
    """Return how many of a model's directions change the shape: in SMPL-X, facial expression directions follow them."""
    count = model.shapedirs.shape[-1]
    if model.kind == "SMPL":
        return count
    return _SMPLX_SHAPES if count > _SMPLX_SHAPES else min(count, NUM_BETAS)


def _pose_directions(model: SMPLModel) -> Array:
    """Return the effect of the entries of 23 local rotations on the vertices (V, 3, 207); none for SMPL-X's hands."""
    if model.kind == "SMPL":
        return model.posedirs
    known = 9 * (NUM_JOINTS - 1)
    return np.pad(model.posedirs[..., :known], ((0, 0), (0, 0), (0, 9 * (NUM_BODY_JOINTS - 1) - known)))


def _to_smpl_joints(model: SMPLModel) -> tuple[Array, Array]:
    """Return the regressor (24, V) and the skinning weights (V, 24) of a model of 24 or 55 joints."""
    if model.kind == "SMPL":
        return model.regressor, model.weights
    regressor = model.regressor[:NUM_BODY_JOINTS].copy()
    weights = np.zeros((len(model.weights), NUM_BODY_JOINTS))
    weights[:, :NUM_JOINTS] = model.weights[:, :NUM_JOINTS]
    weights[:, _HEAD] += model.weights[:, _FACE].sum(1)
    for hand, fingers in _HANDS.items():
        regressor[hand] = model.regressor[_KNUCKLES[hand]]
        weights[:, hand] = model.weights[:, fingers].sum(1)
    return regressor, weights
