"""MATLAB's mat files of version 5: plain arrays of numbers."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from latentman.errors import DataError, LatentManError
from latentman.files.npz_file import parse_npz
from latentman.files.opening import FlawError, open_file, reading

MAX_BYTES = 64 * 2**20
MAX_ELEMENTS = 20_000_000
TIMEOUT_S = 120

NUMBERS = (
    "double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "logical",
)  # fmt: skip
"""MATLAB's classes that are read."""

Shapes = Mapping[str, tuple[int, ...]]


def read_mat(
    path: Path,
    names: Collection[str],
    *,
    error: type[LatentManError] = DataError,
    advice: str = "",
    check: Callable[[Shapes], None] = lambda shapes: None,
) -> dict[str, NDArray[Any]]:
    """Return some arrays of a mat file.

    Args:
        path: the file.
        names: the arrays to read; all must be there.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        check: called with the shapes of the arrays before any is read; it may raise.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice):
        listed = list_mat(path)
        for name in names:
            if name not in listed:
                raise FlawError(f"it lacks {name}")
            shape, kind = listed[name]
            if kind not in NUMBERS or not 0 <= math.prod(shape) <= MAX_ELEMENTS or min(shape, default=0) < 0:
                raise FlawError(f"{name} holds {kind} of shape {shape}, not at most {MAX_ELEMENTS} numbers")
        check({name: listed[name][0] for name in names})
        arrays = load_mat(path, names)
        for name, array in arrays.items():
            if array.dtype.kind not in "fiub" or array.shape != listed[name][0]:
                raise FlawError(f"{name} is damaged")
        return arrays
    raise AssertionError  # reading() never swallows


def list_mat(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return the shape and MATLAB's class of every array.

    Raises:
        FileNotFoundError: if there is no such file.
        FlawError: if it is damaged.
        NotImplementedError: if it is of version 7.3, which is HDF5.
    """
    with open_file(path, MAX_BYTES):
        pass
    listed = json.loads(_in_a_process("list", path))
    return {str(name): (tuple(shape), str(kind)) for name, (shape, kind) in listed.items()}


def load_mat(path: Path, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return arrays of a file whose shapes have been checked.

    Raises:
        FlawError: if it is damaged.
    """
    return parse_npz(io.BytesIO(_in_a_process("read", path, *names)), names=tuple(names))


def _in_a_process(*arguments: str | Path) -> bytes:
    """Let another process read the file: SciPy's reader can crash on a damaged one, and would take this one with it."""
    command = [sys.executable, "-m", "latentman.files.mat_process", *map(str, arguments)]
    root = str(Path(__file__).resolve().parents[2])
    places = os.pathsep.join(place for place in (root, os.environ.get("PYTHONPATH", "")) if place)
    done = subprocess.run(
        command, capture_output=True, check=False, timeout=TIMEOUT_S, env={**os.environ, "PYTHONPATH": places}
    )
    if done.returncode == 0:
        return done.stdout
    kind, _, text = done.stderr.decode(errors="replace").partition(": ")
    if done.returncode != 3:
        raise FlawError("it is damaged: reading it crashes")
    if kind == "NotImplementedError":
        raise NotImplementedError(text)
    raise FlawError(f"it is damaged ({kind}: {text})")
