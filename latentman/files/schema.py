"""What arrays a file must hold: kinds, shapes and finiteness, as a table that the reader's caller passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentman.files.opening import FlawError


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """One array of a file.

    ``kinds`` are NumPy's letters (f floating, i and u whole, b bool, U text). In ``shape`` a number is a length, a name
    is a length that all arrays of the file share, and "?" is any length; None is any shape.
    """

    kinds: str = "fiu"
    shape: tuple[int | str, ...] | None = None
    is_optional: bool = False
    is_finite: bool = True
    """False where the caller itself says which value is not finite."""
    least: float | None = None
    most: float | None = None


Schema = Mapping[str, ArrayOf]


def check_arrays(arrays: Mapping[str, NDArray[Any]], schema: Schema) -> None:
    """Compare arrays with a schema; numbers must be finite.

    Raises:
        FlawError: naming the first array that is missing or does not fit, and why.
    """
    lengths: dict[str, int] = {}
    for name, wanted in schema.items():
        if name not in arrays:
            if wanted.is_optional:
                continue
            raise FlawError(f"it lacks {name}")
        check_array(name, arrays[name], wanted, lengths)


def check_array(name: str, array: NDArray[Any], wanted: ArrayOf, lengths: dict[str, int] | None = None) -> None:
    """Compare one array with what is wanted; ``lengths`` collects the named lengths.

    Raises:
        FlawError: naming the array and why it does not fit.
    """
    lengths = {} if lengths is None else lengths
    if array.dtype.kind not in wanted.kinds:
        raise FlawError(f"{name} holds values of type {array.dtype}")
    if wanted.shape is not None:
        fits = len(array.shape) == len(wanted.shape) and all(
            axis == "?" or length == (axis if isinstance(axis, int) else lengths.setdefault(axis, length))
            for axis, length in zip(wanted.shape, array.shape, strict=True)
        )
        if not fits:
            expected = ", ".join(str(lengths.get(str(axis), axis)) for axis in wanted.shape)
            raise FlawError(f"{name} has shape {array.shape} in place of ({expected})")
    if wanted.is_finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise FlawError(f"{name} holds values that are not finite")
    for bound, is_beyond in ((wanted.least, np.less), (wanted.most, np.greater)):
        if bound is not None and array.size and is_beyond(array, bound).any():
            raise FlawError(f"{name} holds values beyond {bound}")
