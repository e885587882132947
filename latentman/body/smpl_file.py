"""Pickled SMPL models, read without running anything that they say.

:mod:`latentman.system.pickle_records` reads the pickle; here its records become the arrays that chumpy's objects and
SciPy's sparse matrices stood for. So neither chumpy nor the SciPy of the time is needed, and a file that was made to do
harm does none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from latentman.errors import WeightsError
from latentman.system.pickle_arrays import shape_of, to_array
from latentman.system.pickle_records import (
    ARRAY_NAMES,
    Names,
    PickleLimitError,
    RefusedNameError,
    read_records,
    record_names,
)
from latentman.system.pickled_object import Record
from latentman.types import Array

_MOST_ENTRIES = 2**22
"""More numbers than any sparse matrix of an SMPL model has; one that claims more is not filled in."""

_DEEPEST = 8
"""Chumpy objects inside each other; official files have three."""

_NAMES: Names = {
    **ARRAY_NAMES,
    **record_names(
        {
            "instance": ("_reconstructor", ("copy_reg", "copyreg")),
            "object": ("object", ("__builtin__", "builtins")),
            "Ch": ("Ch", ("chumpy.ch",)),
            "Select": ("Select", ("chumpy.reordering",)),
            "Reshape": ("Reshape", ("chumpy.reordering",)),
            "transpose": ("transpose", ("chumpy.reordering",)),
            "columns": ("csc_matrix", ("scipy.sparse.csc", "scipy.sparse._csc")),
            "rows": ("csr_matrix", ("scipy.sparse.csr", "scipy.sparse._csr")),
        }
    ),
}


def read_pickle(path: Path, names: Iterable[str]) -> dict[str, Array]:
    """Read the named arrays of a pickled SMPL model, dense, without executing anything.

    Chumpy's arrays, SciPy's sparse matrices and pickles of Python 2 are understood.

    Raises:
        WeightsError: if the file is missing, damaged, holds anything but plain data, or lacks an array.
    """
    try:
        content = read_records(path, _NAMES)
    except OSError as error:
        raise WeightsError(f"cannot read the SMPL model {path}: {error.strerror or error}") from error
    except RefusedNameError as error:
        raise WeightsError(
            f"the SMPL model {path} is refused: it contains {error}, which is not part of any SMPL model. Nothing in "
            "it was executed; get the file from the project's own site"
        ) from error
    except PickleLimitError as error:
        raise WeightsError(f"the SMPL model {path} is refused: {error}; get the file again") from error
    except Exception as error:  # a damaged pickle may fail in any way
        raise WeightsError(
            f"the SMPL model {path} is damaged or not a pickle: {type(error).__name__}: {error}; get it again"
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(f"the SMPL model {path} contains {type(content).__name__}, not a table of arrays")
    return {name: _named_array(path, content, name) for name in names}


def _named_array(path: Path, content: dict[Any, Any], name: str) -> Array:
    if name not in content:
        raise WeightsError(f"the SMPL model {path} lacks the array {name}: it is another model, or incomplete")
    try:
        return _array(content[name])
    except Exception as error:  # whatever the parts of a made-up array do not allow
        raise WeightsError(
            f"the SMPL model {path} is damaged: {name} is not an array of numbers ({type(error).__name__}: {error})"
        ) from error


def _array(value: Any, depth: int = 0) -> Array:
    """Return the value of a chumpy object, a sparse matrix or plain numbers as a dense array."""
    if not isinstance(value, Record) or value.kind in ("array", "buffer", "scalar"):
        return to_array(value)
    if depth > _DEEPEST:
        raise ValueError(f"objects are nested more than {_DEEPEST} deep")
    kind, state = value.args[0].kind if value.kind == "instance" else value.kind, value.state
    if kind in ("columns", "rows"):
        return _dense(kind, state)
    if kind == "Ch":
        return _array(state["x"], depth + 1)
    if kind not in ("Select", "Reshape", "transpose"):
        raise ValueError(f"a {kind} is not made of numbers")
    inner = _array(state["a"], depth + 1)
    if kind == "Select":
        return inner.ravel()[to_array(state["idxs"])].reshape(shape_of(state.get("preferred_shape", -1)))
    if kind == "Reshape":
        return inner.reshape(shape_of(state["newshape"]))
    axes = state.get("axes")
    return inner.transpose(None if axes is None else shape_of(axes))


def _dense(kind: str, state: Any) -> Array:
    """Return the dense form of a sparse matrix, whose entries come column by column or row by row."""
    count_rows, count_columns = shape_of(state["_shape"] if "_shape" in state else state["shape"])
    if not 0 < count_rows * count_columns <= _MOST_ENTRIES:
        raise ValueError(f"a matrix of {count_rows} x {count_columns}")
    data, inner, starts = (to_array(state[name]) for name in ("data", "indices", "indptr"))
    lengths = np.diff(starts)
    if not (starts[0] == 0 and starts[-1] == len(data) == len(inner) and (lengths >= 0).all()):
        raise ValueError(f"starts of columns or rows that do not fit {len(data)} entries")
    outer = np.repeat(np.arange(len(starts) - 1), lengths)
    rows, columns = (inner, outer) if kind == "columns" else (outer, inner)
    if min(rows.min(initial=0), columns.min(initial=0)) < 0:
        raise ValueError("negative indices")
    dense = np.zeros((count_rows, count_columns))
    np.add.at(dense, (rows, columns), data)
    return dense
