"""Pickled SMPL models, read without executing anything in them.

A pickle is a program that names functions and calls them. Here it may use only the names that an SMPL model needs, and
each of them stands for a :class:`Record`, which only stores its arguments. The arrays are assembled afterwards from
their bytes. Therefore neither chumpy nor an old SciPy is needed, and a malicious file cannot do harm. This is the only
module of the package that reads pickles.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from latentman.errors import WeightsError
from latentman.types import Array

_MOST_ENTRIES = 2**24
"""More entries than any sparse matrix of an SMPL model has; a larger one is refused."""


class Record:
    """A stand-in for a pickled object: its constructor arguments and its state."""

    __slots__ = ("args", "state")
    kind: ClassVar[str] = ""
    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> Record:
        """Store the arguments; protocol 2 creates objects this way, without calling ``__init__``."""
        record = object.__new__(cls)
        record.args, record.state = args, None
        return record

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _records() -> dict[tuple[str, str], type[Record]]:
    """Return the class for each (module, name) that a model may contain; old and new spellings share one kind."""
    modules = {
        "array": ("_reconstruct", ("numpy.core.multiarray", "numpy._core.multiarray")),
        "buffer": ("_frombuffer", ("numpy.core.numeric", "numpy._core.numeric")),
        "scalar": ("scalar", ("numpy.core.multiarray", "numpy._core.multiarray")),
        "ndarray": ("ndarray", ("numpy",)),
        "dtype": ("dtype", ("numpy",)),
        "encode": ("encode", ("_codecs",)),
        "instance": ("_reconstructor", ("copy_reg", "copyreg")),
        "object": ("object", ("__builtin__", "builtins")),
        "set": ("set", ("__builtin__", "builtins")),
        "bytes": ("bytes", ("__builtin__", "builtins")),
        "Ch": ("Ch", ("chumpy.ch",)),
        "Select": ("Select", ("chumpy.reordering",)),
        "Reshape": ("Reshape", ("chumpy.reordering",)),
        "transpose": ("transpose", ("chumpy.reordering",)),
        "columns": ("csc_matrix", ("scipy.sparse.csc", "scipy.sparse._csc")),
        "rows": ("csr_matrix", ("scipy.sparse.csr", "scipy.sparse._csr")),
    }
    table = {}
    for kind, (name, places) in modules.items():
        record = type(f"Record_{kind}", (Record,), {"__slots__": (), "kind": kind})
        table.update({(place, name): record for place in places})
    return table


_RECORDS = _records()


class _RefusedError(Exception):
    """The file uses a name that does not occur in SMPL models."""


def _operations() -> dict[int, Any]:
    """Return the handlers of pickle opcodes, without registered extensions and without memory allocated in advance."""
    operations = dict(pickle._Unpickler.dispatch)
    for code in (pickle.EXT1, pickle.EXT2, pickle.EXT4):
        del operations[code[0]]
    operations[pickle.BYTEARRAY8[0]] = operations[pickle.BINBYTES8[0]]
    return operations


class _Reader(pickle._Unpickler):
    """An unpickler whose only callables are records.

    It is the Python implementation: the C implementation allocates memory for any size in a damaged file. An SMPL model
    has only a few thousand opcodes, so this is not slower.
    """

    dispatch = _operations()

    def find_class(self, module: str, name: str) -> type[Record]:
        """Return the record class for a name in the file, or refuse the file."""
        if (module, name) not in _RECORDS:
            raise _RefusedError(f"{module}.{name}")
        return _RECORDS[module, name]


def read_pickle(path: Path, names: Iterable[str]) -> dict[str, Array]:
    """Read the named arrays of a pickled SMPL model, dense, without executing anything.

    Chumpy arrays, SciPy sparse matrices and Python 2 pickles are supported.

    Raises:
        WeightsError: if the file is missing or damaged, contains anything but plain data, or lacks an array.
    """
    try:
        with path.open("rb") as file:
            content = _Reader(file, encoding="latin1").load()
    except OSError as error:
        raise WeightsError(f"cannot read the SMPL model {path}: {error.strerror or error}") from error
    except _RefusedError as error:
        raise WeightsError(
            f"the SMPL model {path} is refused: it contains {error}, which does not occur in SMPL models. Nothing in "
            "it was executed; get the file from the project's own site"
        ) from error
    except Exception as error:  # a damaged pickle may raise any error
        raise WeightsError(
            f"the SMPL model {path} is damaged or not a pickle: {type(error).__name__}: {error}; download it again"
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(f"the SMPL model {path} contains {type(content).__name__}, not a table of arrays")
    return {name: _named_array(path, content, name) for name in names}


def _named_array(path: Path, content: dict[Any, Any], name: str) -> Array:
    if name not in content:
        raise WeightsError(f"the SMPL model {path} lacks the array {name}: it is another model, or incomplete")
    try:
        return to_array(content[name])
    except Exception as error:  # inconsistent parts of an array may raise any error
        raise WeightsError(
            f"the SMPL model {path} is damaged: {name} is not an array of numbers ({type(error).__name__}: {error})"
        ) from error


def to_array(value: Any) -> Array:
    """Convert a record, a number or a list of numbers to an array.

    Raises:
        ValueError: if it does not consist of numbers; other errors if its parts are inconsistent.
    """
    if not isinstance(value, Record):
        array = np.array(value)
        if array.dtype.kind not in "biuf":
            raise ValueError(f"a {type(value).__name__} is not made of numbers")
        return array
    if value.kind == "array":
        *_, shape, dtype, fortran, raw = value.state
        return np.frombuffer(_raw(raw), _dtype(dtype)).reshape(shape, order="F" if fortran else "C")
    if value.kind == "buffer":
        raw, dtype, shape, order = value.args
        return np.frombuffer(_raw(raw), _dtype(dtype)).reshape(shape, order=order)
    if value.kind == "scalar":
        dtype, raw = value.args
        return np.frombuffer(_raw(raw), _dtype(dtype)).reshape(())
    if value.kind in ("columns", "rows"):
        return _dense(value)
    return _chumpy_array(value)


def _chumpy_array(record: Record) -> Array:
    """Return the value of a chumpy object: an array, or reordered entries of another one."""
    kind, state = record.args[0].kind if record.kind == "instance" else record.kind, record.state
    if kind in ("columns", "rows"):
        return _dense(record)
    if kind == "Ch":
        return to_array(state["x"])
    inner = to_array(state["a"])
    if kind == "Select":
        shape = state.get("preferred_shape", -1)
        return inner.ravel()[to_array(state["idxs"])].reshape(_shape(shape))
    if kind == "Reshape":
        return inner.reshape(_shape(state["newshape"]))
    if kind == "transpose":
        axes = state.get("axes")
        return inner.transpose(None if axes is None else _shape(axes))
    raise ValueError(f"a {kind} is not made of numbers")


def _dense(record: Record) -> Array:
    """Return the dense form of a sparse matrix, stored by columns or by rows."""
    kind, state = record.args[0].kind if record.kind == "instance" else record.kind, record.state
    count_rows, count_columns = _shape(state["_shape"] if "_shape" in state else state["shape"])
    if not 0 < count_rows * count_columns <= _MOST_ENTRIES:
        raise ValueError(f"a matrix of {count_rows} x {count_columns}")
    data, inner, starts = (to_array(state[name]) for name in ("data", "indices", "indptr"))
    outer = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    rows, columns = (inner, outer) if kind == "columns" else (outer, inner)
    if min(rows.min(initial=0), columns.min(initial=0)) < 0:
        raise ValueError("negative indices")
    dense = np.zeros((count_rows, count_columns))
    np.add.at(dense, (rows, columns), data)
    return dense


def _shape(value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    return tuple(int(length) for length in (value if isinstance(value, list | tuple) else to_array(value)))


def _dtype(record: Record) -> np.dtype[Any]:
    """Return the number type of a pickled dtype; anything but plain numbers is refused."""
    code = record.args[0]
    if record.kind != "dtype" or not isinstance(code, str) or not re.fullmatch(r"[biuf][1248]", code):
        raise ValueError(f"entries of type {code!r}")
    return np.dtype((">" if record.state is not None and record.state[1] == ">" else "<") + code)


def _raw(value: Any) -> bytes:
    """Return the bytes of an array: as bytes, as a Python 2 string, or as Python 3 encodes them for Python 2."""
    if isinstance(value, Record) and value.kind == "encode":
        value = value.args[0]
    if isinstance(value, Record) and value.kind == "bytes" and not value.args:
        return b""
    if isinstance(value, str):
        return value.encode("latin1")
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise ValueError(f"its entries are a {type(value).__name__}")
