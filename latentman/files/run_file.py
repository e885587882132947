"""The arrays that the stages of a run leave in its folder: each file becomes the frozen value that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from latentman.errors import LatentManError, RecordError
from latentman.files.npz_file import read_npz
from latentman.files.opening import missing_as, reading, reason
from latentman.files.schema import ArrayOf
from latentman.types import NUM_JOINTS, Array, BodySequence, Conditions, Correspondence, Motion

MADE_AGAIN = "delete it to have it made again"

FPS = ArrayOf("f", (), least=0.001, most=100_000)
"""Frames per second. A clip at 1e-9 would last for years."""

MOTION = {
    "joints": ArrayOf("f", ("T", NUM_JOINTS, 3)),
    "fps": FPS,
    "text": ArrayOf("U", ()),
    "source": ArrayOf("U", ()),
}
BODY = {
    "vertices": ArrayOf("f", ("T", "V", 3)),
    "faces": ArrayOf("iu", ("F", 3), least=0),
    "joints": ArrayOf("f", ("T", "J", 3)),
    "part": ArrayOf("iu", ("F",), least=0, most=255),
    "corner_uv": ArrayOf("f", ("F", 3, 2)),
    "fps": FPS,
}
CONDITIONS = {
    "depth": ArrayOf("f", ("T", "H", "W")),
    "disparity": ArrayOf("f", ("T", "H", "W")),
    "iuv": ArrayOf("u", ("T", "H", "W", 3)),
    "mask": ArrayOf("b", ("T", "H", "W")),
    "face": ArrayOf("iu", ("T", "H", "W"), least=-1),
    "bary": ArrayOf("f", ("T", "H", "W", 3)),
    "camera_rotation": ArrayOf("f"),
    "camera_translation": ArrayOf("f"),
    "camera_intrinsics": ArrayOf("f"),
    "scene_planes": ArrayOf("f", ("P", 4), is_optional=True),
    "scene_drift": ArrayOf("f", ("P", 3), is_optional=True),
    "scene_turn": ArrayOf("f", (), is_optional=True),
}
CORRESPONDENCE = {
    "counts": ArrayOf("iu", ("T",), least=0),
    "target": ArrayOf("i", ("K", 2), least=0),
    "source": ArrayOf("i", ("K", 2), least=0),
    "size": ArrayOf("iu", (), least=1, most=65536),
    "reference": ArrayOf("U", ()),
    "cost": ArrayOf("f", ("T",)),
    "parts_skipped": ArrayOf("iu", ("T",)),
    "certificate": ArrayOf("f", ("T",), is_optional=True),
    "positions": ArrayOf("f", ("K", 2), is_optional=True),
    "unmatched": ArrayOf("iu", ("T", 3), is_optional=True),
}

T = TypeVar("T")


def read_motion(path: Path) -> Motion:
    """Return the motion in a file.

    Raises:
        RecordError: if it is missing, damaged, or does not hold a motion.
    """
    return _read(path, MOTION, Motion.from_arrays)


def read_body(path: Path) -> BodySequence:
    """Return the moving mesh in a file; errors as for :func:`read_motion`."""

    def made(data: Mapping[str, Array]) -> BodySequence:
        if data["faces"].size and int(data["faces"].max()) >= data["vertices"].shape[1]:
            raise ValueError("faces name vertices that do not exist")
        fields: dict[str, Any] = {**{name: data[name] for name in BODY}, "fps": float(data["fps"])}
        return BodySequence(**fields)

    return _read(path, BODY, made)


def read_conditions(path: Path) -> Conditions:
    """Return what was rendered into a file; errors as for :func:`read_motion`."""
    return _read(path, CONDITIONS, Conditions.from_arrays)


def read_correspondence(path: Path) -> Correspondence:
    """Return the map M in a file; errors as for :func:`read_motion`."""

    def made(data: Mapping[str, Array]) -> Correspondence:
        if int(data["counts"].sum()) != len(data["target"]):
            raise ValueError(f"counts add up to {int(data['counts'].sum())}, but there are {len(data['target'])} pairs")
        if str(data["reference"]) not in ("first", "prev", "prev_new"):
            raise ValueError(f"reference is {str(data['reference'])[:40]!a}")
        for name in ("target", "source"):
            if data[name].size and int(data[name].max()) >= int(data["size"]):
                raise ValueError(f"{name} names pixels outside the grid of {int(data['size'])}")
        return Correspondence.from_arrays(data)

    return _read(path, CORRESPONDENCE, made)


def _read(path: Path, schema: Mapping[str, ArrayOf], make: Callable[[Mapping[str, Any]], T]) -> T:
    with missing_as(path, error=RecordError, advice=MADE_AGAIN):
        arrays = read_npz(path, error=RecordError, advice=MADE_AGAIN, schema=schema)
    with reading(path, error=RecordError, advice=MADE_AGAIN):
        try:
            return make(arrays)
        except LatentManError as error:  # which does not name the file
            raise ValueError(reason(error)) from error
    raise AssertionError  # reading() never swallows
