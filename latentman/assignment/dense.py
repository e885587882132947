"""Exact solvers on the dense matrix of costs: from scipy, and from the package lapjv."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from latentman.assignment.problem import FloatArray, IntArray
from latentman.errors import MissingExtraError

MAX_PAIRS = 2**31
"""Costs that a dense solver is given at most: 16 GiB of float64, and the range of the indices inside."""


def solve_scipy(small: FloatArray, large: FloatArray) -> tuple[IntArray, None]:
    """Shortest augmenting paths on the dense rectangular matrix; exact; no dual values.

    Rows enter in the order of their cheapest column: rows in reading order, neighbours one after the other, compete for
    the same columns, and their augmenting paths grow several times longer on the pixels of a body part.
    """
    cost = cdist(small, large)
    order = np.argsort(cost.min(axis=1), kind="stable")
    col = np.empty(len(small), dtype=np.int64)
    col[order] = linear_sum_assignment(cost[order])[1]
    return col, None


def solve_lapjv(small: FloatArray, large: FloatArray) -> tuple[IntArray, tuple[FloatArray, FloatArray]]:
    """Jonker-Volgenant from the package lapjv, in float64.

    Left to itself the package casts costs to float32, and then returns matchings slightly above the optimum: its
    ``force_doubles`` is what makes it exact (and slower). It takes square matrices only, so that the short side is
    padded with rows of cost 0, whose pairs are dropped.

    Raises:
        MissingExtraError: if the package is not installed.
    """
    lapjv = _import_lapjv()
    n, m = len(small), len(large)
    if m == 1:  # the package answers a 1 x 1 matrix with dual values of 3.4e38
        return np.zeros(1, dtype=np.int64), (cdist(small, large)[0], np.zeros(1))
    cost = np.zeros((m, m))
    cost[:n] = cdist(small, large)
    col, _, (_, u, v) = lapjv(cost, force_doubles=True)
    # A padding row ties all free columns to one dual value, the largest of all; it is 0 in the rectangular problem.
    shift = v.max() if n < m else 0.0
    return col[:n].astype(np.int64), (u[:n] + shift, v - shift)


def _import_lapjv() -> Callable[..., tuple[NDArray[np.int32], NDArray[np.int32], tuple[float, FloatArray, FloatArray]]]:
    try:
        from lapjv import lapjv
    except ImportError as error:
        raise MissingExtraError(
            "solver=lapjv needs the package lapjv, which is not installed: pip install latentman[lap], or take "
            "solver=auto, which finds the same total cost"
        ) from error
    return lapjv
