"""Exact solvers on the dense cost matrix, from scipy and from the package lapjv."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from latentman.assignment.problem import FloatArray, IntArray
from latentman.errors import MissingExtraError

MAX_PAIRS = 2**31
"""Most costs for a dense solver: 16 GiB of float64, and the range of its internal indices."""


def solve_scipy(small: FloatArray, large: FloatArray) -> tuple[IntArray, None]:
    """Shortest augmenting paths on the dense rectangular matrix; exact; no dual values.

    Rows are added in the order of their cheapest column. In reading order, consecutive rows are neighbours that compete
    for the same columns, and augmenting paths on the pixels of a body part become several times longer.
    """
    cost = cdist(small, large)
    order = np.argsort(cost.min(axis=1), kind="stable")
    col = np.empty(len(small), dtype=np.int64)
    col[order] = linear_sum_assignment(cost[order])[1]
    return col, None


def solve_lapjv(small: FloatArray, large: FloatArray) -> tuple[IntArray, tuple[FloatArray, FloatArray]]:
    """Jonker-Volgenant from the package lapjv, in float64.

    By default the package casts costs to float32 and then returns matchings slightly above the optimum;
    ``force_doubles`` makes it exact (and slower). It accepts only square matrices, so the short side is padded with
    rows of cost 0, whose pairs are dropped.

    Raises:
        MissingExtraError: if the package is not installed.
    """
    lapjv = _import_lapjv()
    n, m = len(small), len(large)
    if m == 1:  # for a 1 x 1 matrix, the package returns dual values of 3.4e38
        return np.zeros(1, dtype=np.int64), (cdist(small, large)[0], np.zeros(1))
    cost = np.zeros((m, m))
    cost[:n] = cdist(small, large)
    col, _, (_, u, v) = lapjv(cost, force_doubles=True)
    # A padding row gives all unmatched columns the same dual value, the largest of all; it is 0 in the rectangular
    # problem.
    shift = v.max() if n < m else 0.0
    return col[:n].astype(np.int64), (u[:n] + shift, v - shift)


def _import_lapjv() -> Callable[..., tuple[NDArray[np.int32], NDArray[np.int32], tuple[float, FloatArray, FloatArray]]]:
    try:
        from lapjv import lapjv
    except ImportError as error:
        raise MissingExtraError(
            "solver=lapjv needs the package lapjv, which is not installed: pip install latentman[lap], or use "
            "solver=auto, which finds the same total cost"
        ) from error
    return lapjv
