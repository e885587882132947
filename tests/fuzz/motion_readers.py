"""The readers of motions, rigs, IUV maps and pickled bodies: whole files by the writers of the other tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from latentman.body.smpl_model import read_model
from latentman.motion.recorded.rig_file import read_rig
from latentman.motion.recorded.rigs import JOINT_NAMES
from latentman.render.iuv_images import read_maps
from tests.factories.motion_clips import person, read_clip
from tests.factories.motion_files import FILES
from tests.factories.smpl_files import write_official_pickle
from tests.fuzz.mutations import (
    Mutation,
    array_values,
    bvh_structure,
    digits,
    json_tree,
    npy_header,
    text_edges,
    zip_members,
)
from tests.fuzz.readers import Reader, small_body

HEADERS: dict[str, Callable[[bytes], bool]] = {
    ".bvh": lambda data: data.lstrip().startswith(b"HIERARCHY"),
    ".gltf": lambda data: data[:1] == b"{",
    ".glb": lambda data: data.startswith(b"glTF"),
    ".npz": lambda data: data.startswith(b"PK"),
    ".npy": lambda data: data.startswith(b"\x93NUMPY"),
    ".pt": lambda data: data.startswith(b"PK"),
    ".pkl": lambda data: data.startswith(b"\x80"),
}
STRUCTURES: dict[str, tuple[Mutation, ...]] = {
    ".bvh": (digits, text_edges, bvh_structure, bvh_structure),
    ".gltf": (json_tree, json_tree, digits, text_edges),
    ".npz": (zip_members, zip_members, array_values, array_values),
    ".npy": (npy_header,) * 3,
    ".pt": (zip_members,),
}
RIG = {"joints": {name: f"bone_{name}" for name in JOINT_NAMES}, "up": "y", "scale": 1.0}


def _clip(name: str) -> Reader:
    """Return the reader of a motion file, up to the motion that a run is given."""

    def whole(folder: Path) -> bytes:
        return FILES[name](folder / name, person(num_frames=12)).read_bytes()

    suffix = Path(name).suffix
    rate = None if name == "a.npz" else 20.0  # which says its own
    return Reader(
        name, whole, lambda path: read_clip(path, file_fps=rate), HEADERS[suffix], STRUCTURES.get(suffix, ()), share=0.1
    )


def _pickled_body(folder: Path) -> bytes:
    return write_official_pickle(folder / "whole.pkl", small_body()).read_bytes()


def _maps(folder: Path) -> bytes:
    np.save(folder / "whole.npy", np.random.default_rng(0).integers(0, 25, (2, 8, 8, 3)).astype(np.uint8))
    return (folder / "whole.npy").read_bytes()


MOTION_READERS = {
    # .pickle and .joblib have the reader of .pkl, .pth that of .pt.
    **{f"motion file ({name})": _clip(name) for name in FILES if Path(name).suffix in HEADERS},
    "rig": Reader(
        "rig.yaml",
        lambda folder: yaml.safe_dump(RIG).encode(),
        lambda path: read_rig(path, [f"bone_{name}" for name in JOINT_NAMES], path),
        lambda data: data[:20].isascii(),
        (digits, text_edges),
    ),
    "IUV maps (npy)": Reader(
        "maps.npy",
        _maps,
        lambda path: read_maps(str(path), frames=2, size=8),
        lambda data: data.startswith(b"\x93NUMPY"),
        (npy_header,) * 3,
    ),
    "SMPL model (pickle)": Reader("x.pkl", _pickled_body, read_model, lambda data: data.startswith(b"\x80"), ()),
}
