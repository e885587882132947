"""MATLAB's mat files of version 5: plain arrays of numbers."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentman.errors import DataError, LatentManError
from latentman.files.opening import FlawError, read_bytes, reading

MAX_BYTES = 64 * 2**20
MAX_ELEMENTS = 20_000_000

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
    import scipy.io

    with reading(path, error=error, advice=advice):
        data = read_bytes(path, MAX_BYTES)
        source: Any = io.BytesIO(data)  # scipy's stubs know paths only
        listed = {name: (tuple(map(int, shape)), kind) for name, shape, kind in scipy.io.whosmat(source)}
        for name in names:
            if name not in listed:
                raise FlawError(f"it lacks {name}")
            shape, kind = listed[name]
            if kind not in NUMBERS or not 0 <= math.prod(shape) <= MAX_ELEMENTS or min(shape, default=0) < 0:
                raise FlawError(f"{name} holds {kind} of shape {shape}, not at most {MAX_ELEMENTS} numbers")
        check({name: listed[name][0] for name in names})
        source.seek(0)
        found = scipy.io.loadmat(source, variable_names=list(names), chars_as_strings=False)
        arrays = {name: found.get(name) for name in names}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub" or array.shape != listed[name][0]:
                raise FlawError(f"{name} is damaged")
        return {name: np.asarray(array) for name, array in arrays.items()}
    raise AssertionError  # reading() never swallows
