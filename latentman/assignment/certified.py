"""The certified solver: exact on the complete graph without building its cost matrix, with dual values as proof.

The work is done by a small C++ library, compiled when the package is installed (``hatch_build.py``) from the sources in
``native/``: lazy shortest augmenting paths over a weighted nearest-neighbour tree, started by a multilevel auction.
This file loads it and passes arrays. Calls release the interpreter lock, so that threads run in parallel.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from latentman.assignment.problem import FloatArray, IntArray
from latentman.errors import DataError, MissingExtraError

NATIVE = Path(__file__).resolve().parent / "native"
LIBRARY = NATIVE / "certified.lib"

_MENDING = (
    "install a C++ compiler (g++ or clang++) and then reinstall latentman (make setup in a checkout), or use "
    "solver=auto, which finds the same total cost with scipy"
)


def is_compiled() -> bool:
    """Return whether the compiled solver exists and was built from the sources next to it."""
    return isinstance(_load(), ctypes.CDLL)


def solve_certified(small: FloatArray, large: FloatArray) -> tuple[IntArray, tuple[FloatArray, FloatArray]]:
    """Match every point of ``small`` (n, 3) with one of ``large`` (m, 3), 1 <= n <= m, at the least total distance.

    Returns:
        The column of each row (n,), and the dual values u (n,) and v (m,): u_i + v_j <= |x_i - y_j| up to rounding,
        with equality at matched pairs, and v = 0 at unmatched columns if n < m.

    Raises:
        MissingExtraError: if the library was not compiled, or was compiled from other sources.
        DataError: if memory is insufficient.
    """
    library = _load()
    if isinstance(library, str):
        raise MissingExtraError(f"solver=certified cannot be used: {library}; {_MENDING}")
    small, large = np.ascontiguousarray(small), np.ascontiguousarray(large)
    col = np.empty(len(small), dtype=np.int32)
    u, v = np.empty(len(small)), np.empty(len(large))
    status = library.latentman_assign(
        _doubles(small), len(small), _doubles(large), len(large), col.ctypes.data_as(_INTS), _doubles(u), _doubles(v)
    )
    if status != 0:
        raise DataError(
            f"solver=certified: not enough memory for {len(small)} x {len(large)} points; match on a smaller grid"
        )
    return col.astype(np.int64), (u, v)


_DOUBLES = ctypes.POINTER(ctypes.c_double)
_INTS = ctypes.POINTER(ctypes.c_int)


def _doubles(array: FloatArray) -> ctypes._Pointer[ctypes.c_double]:
    return array.ctypes.data_as(_DOUBLES)


@cache
def _load() -> ctypes.CDLL | str:
    """Return the library, or why it is unavailable."""
    if not LIBRARY.is_file():
        return "its library was not compiled when latentman was installed"
    try:
        library = ctypes.CDLL(str(LIBRARY))
        library.latentman_assign_digest.restype = ctypes.c_char_p
        built_from = library.latentman_assign_digest().decode()
    except (OSError, AttributeError) as error:
        return f"its library {LIBRARY} cannot be loaded ({error})"
    if built_from != _source_digest():
        return f"its library {LIBRARY} was built from sources other than the ones next to it"
    library.latentman_assign.restype = ctypes.c_int
    library.latentman_assign.argtypes = [
        _DOUBLES, ctypes.c_int, _DOUBLES, ctypes.c_int, _INTS, _DOUBLES, _DOUBLES,
    ]  # fmt: skip
    return library


def _source_digest() -> str:
    """Return the digest that ``hatch_build.py`` compiles into the library."""
    digest = hashlib.sha256()
    for path in sorted(NATIVE.glob("*.?pp")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
