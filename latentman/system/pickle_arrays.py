"""Arrays put together from the records of a pickle, without calling anything that the pickle names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from latentman.system.pickled_object import Record
from latentman.types import Array

MOST_ELEMENTS = 2**22
"""Numbers in nested lists beyond which they are not made an array; a list may be held many times by others."""

_DEEPEST = 16
_LISTS, _TEXTS = (list, tuple), (str, bytes)


def to_array(value: Any) -> Array:
    """Turn a record, a number or nested lists of numbers into an array.

    Raises:
        ValueError: if it is not made of numbers, or of too many; other errors if its parts do not fit together.
    """
    if not isinstance(value, Record):
        return _of_lists(value)
    if value.kind == "array":
        *_, shape, dtype, fortran, raw = value.state
        return np.frombuffer(_raw(raw), dtype_of(dtype)).reshape(shape_of(shape), order="F" if fortran else "C")
    if value.kind == "joblib_array":
        raw = np.frombuffer(value.args[0], dtype_of(value.state["dtype"]))
        return raw.reshape(shape_of(value.state["shape"]), order="F" if value.state["order"] == "F" else "C")
    if value.kind == "buffer":
        raw, dtype, shape, order = value.args
        return np.frombuffer(_raw(raw), dtype_of(dtype)).reshape(shape_of(shape), order="F" if order == "F" else "C")
    if value.kind == "scalar":
        dtype, raw = value.args
        return np.frombuffer(_raw(raw), dtype_of(dtype)).reshape(())
    raise ValueError(f"a {value.kind} is not made of numbers")


def to_objects(value: Any) -> list[Any] | None:
    """Return the entries of an array of objects in their order, or None if the value is not one."""
    if not isinstance(value, Record) or value.kind not in ("array", "joblib_array"):
        return None
    if value.kind == "joblib_array":
        return to_objects(value.args[0])
    *_, dtype, _fortran, raw = value.state
    if not isinstance(dtype, Record) or dtype.args[:1] not in (("O8",), ("O",), ("|O",)):
        return None
    return raw if isinstance(raw, list) else None


def _of_lists(value: Any) -> Array:
    if isinstance(value, _LISTS):
        if _size(value, {}, 0) > MOST_ELEMENTS:
            raise ValueError(f"lists of more than {MOST_ELEMENTS} numbers")
        value = _plain(value)
    array = np.array(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"a {type(value).__name__} is not made of numbers")
    return array


def _size(value: Any, known: dict[int, int], depth: int) -> int:
    """Return how many elements nested lists have, a list that is held often counted as often, but looked at once."""
    if depth > _DEEPEST:
        raise ValueError(f"lists are nested more than {_DEEPEST} deep")
    if id(value) not in known:
        size = len(value)
        for item in value:
            if isinstance(item, _LISTS):
                size += _size(item, known, depth + 1)
            elif isinstance(item, _TEXTS):
                raise ValueError("texts are not numbers")
        known[id(value)] = size
    return known[id(value)]


def _plain(value: Any) -> Any:
    """Return nested lists with the arrays among their items put together."""
    if isinstance(value, _LISTS):
        return [_plain(item) for item in value]
    return to_array(value) if isinstance(value, Record) else value


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the lengths that a pickled shape means.

    Raises:
        ValueError: if a length is negative, except for a single -1.
    """
    lengths = (value,) if isinstance(value, int) else value if isinstance(value, list | tuple) else to_array(value)
    shape = tuple(int(length) for length in lengths)
    if len(shape) > 32 or min(shape, default=0) < -1 or shape.count(-1) > 1:
        raise ValueError(f"a shape of {len(shape)} lengths, some of them negative")
    return shape


def dtype_of(record: Any) -> np.dtype[Any]:
    """Return the type of numbers that a pickled dtype means; anything but plain numbers is refused.

    Raises:
        ValueError: if it is not a plain number's type.
    """
    code = record.args[0] if isinstance(record, Record) and record.kind == "dtype" else None
    if not isinstance(code, str) or not re.fullmatch(r"[<>|=]?[biuf][1248]", code):
        raise ValueError(f"entries of type {code!r:.40}")
    big = code[0] == ">" or (record.state is not None and record.state[1] == ">")
    return np.dtype((">" if big else "<") + code[-2:])


def _raw(value: Any) -> bytes:
    """Return the bytes of an array: as they are, as Python 2 wrote them, or as Python 3 spells them for Python 2."""
    if isinstance(value, Record) and value.kind == "encode":
        value = value.args[0]
    if isinstance(value, Record) and value.kind == "bytes" and not value.args:
        return b""
    if isinstance(value, str):
        return value.encode("latin1")
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise ValueError(f"its entries are a {type(value).__name__}")
