r"""The solver of the released code: ``solve_dense`` of the package lapsolver, for comparison with that code.

It is exact within its tolerance of 1e-10, gives no dual values, and is the slowest solver on large parts. Its source
distribution 1.1.0 bundles a pybind11 that is too old for Python 3.11 and newer, so ``pip install lapsolver`` fails
there. Its only extension can be built manually with a current pybind11: unpack the source distribution, ``pip install
pybind11``, and run there

    g++ -O3 -DNDEBUG -std=c++17 -shared -fPIC -fvisibility=hidden $(python -m pybind11 --includes) \
        src/lapsolverc.cpp -o lapsolverc$(python3-config --extension-suffix)

with the python3-config of the Python that will import it; then add the folder to PYTHONPATH.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

import numpy as np
from scipy.spatial.distance import cdist

from latentman.assignment.problem import FloatArray, IntArray
from latentman.errors import MissingExtraError


def solve_lapsolver(small: FloatArray, large: FloatArray) -> tuple[IntArray, None]:
    """Match every point of ``small`` (n, 3) with one of ``large`` (m, 3), n <= m, at the least sum of distances.

    The points must be finite: the package treats NaN and infinity as forbidden pairs and silently drops rows.

    Returns:
        The column (n,) of each row; no dual values.

    Raises:
        MissingExtraError: if the package is not installed.
    """
    solve_dense = _import_solve_dense()
    if len(small) == 0:  # the package would return empty arrays of floats
        return np.empty(0, dtype=np.int64), None
    rows, columns = solve_dense(cdist(small, large))
    column_of = np.full(len(small), -1, dtype=np.int64)
    column_of[rows] = columns
    return column_of, None


def _import_solve_dense() -> Callable[[FloatArray], tuple[Any, Any]]:
    try:
        package = import_module("lapsolver")
    except ImportError as error:
        raise MissingExtraError(
            "solver=lapsolver needs the package lapsolver, which is not installed: where 'pip install lapsolver' "
            "fails, build it with a current pybind11 as described in latentman/assignment/lapsolver.py, or use "
            "solver=auto, which finds the same total cost"
        ) from error
    return cast(Callable[[FloatArray], tuple[Any, Any]], package.solve_dense)
