"""The solvers, by name, behind one function: :func:`match`.

Each of them gives a matching of least total cost. Where several matchings have that cost, two solvers may return
different ones; one solver always returns the same for the same points in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from latentman.assignment.certificate import optimality_gap
from latentman.assignment.problem import Assignment, FloatArray, IntArray, check_points, paired_cost
from latentman.errors import MissingExtraError, check_choice


class _Solve(Protocol):
    """Match every point of the smaller side (n, 3) with one of the larger (m, 3), n <= m, n >= 1.

    Returns the column of each row, and the dual values (u (n,), v (m,)) or None.
    """

    def __call__(
        self, small: FloatArray, large: FloatArray
    ) -> tuple[IntArray, tuple[FloatArray, FloatArray] | None]: ...


def _solve_scipy(small: FloatArray, large: FloatArray) -> tuple[IntArray, None]:
    """Shortest augmenting paths on the dense rectangular matrix; exact; no dual values.

    Rows enter in the order of their cheapest column: rows in reading order, neighbours one after the other, compete for
    the same columns, and their augmenting paths grow several times longer on the pixels of a body part.
    """
    cost = cdist(small, large)
    order = np.argsort(cost.min(axis=1), kind="stable")
    col = np.empty(len(small), dtype=np.int64)
    col[order] = linear_sum_assignment(cost[order])[1]
    return col, None


def _solve_lapjv(small: FloatArray, large: FloatArray) -> tuple[IntArray, tuple[FloatArray, FloatArray]]:
    """Jonker-Volgenant from the package lapjv, in float64.

    Left to itself the package casts costs to float32, and then returns matchings slightly above the optimum: its
    ``force_doubles`` is what makes it exact (and slower). It takes square matrices only, so that the short side is
    padded with rows of cost 0, whose pairs are dropped.
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


SOLVERS: dict[str, tuple[str, _Solve]] = {
    "auto": ("scipy", _solve_scipy),
    "scipy": ("scipy", _solve_scipy),
    "lapjv": ("lapjv", _solve_lapjv),
}
"""The routine behind each value of the key ``solver``, with the name that it gives to its results."""


def match(
    X: NDArray[np.floating], Y: NDArray[np.floating], solver: str = "auto", *, certify: bool = False
) -> Assignment:
    """Match min(n, m) points of X and Y, none of them twice, at the least sum of Euclidean distances.

    The linear assignment of the paper's section 3.3, for the pixels of one body part in two frames.

    Args:
        X: (n, 3) features, finite.
        Y: (m, 3) features, finite.
        solver: ``scipy`` (exact, no further package, the fastest of these); ``lapjv`` (exact, float64, needs the extra
            ``lap``; gives dual values); ``auto`` (today scipy for every size; once the project has a certified solver
            for large parts, auto will take that one above a few thousand cost entries: the total cost stays the same).
        certify: prove the distance to the optimum where the solver gives dual values; ``gap`` is None where it gives
            none.

    Returns:
        The pairs with rows ascending; an empty side gives no pairs.

    Raises:
        ConfigError: if the solver's name is unknown.
        MissingExtraError: if the solver's package is not installed.
        ShapeError: if X or Y is not (n, 3).
        DataError: if a feature is not finite.
    """
    check_choice("solver", solver, SOLVERS)
    name, solve = SOLVERS[solver]
    x, y = check_points("X", X), check_points("Y", Y)
    if len(x) == 0 or len(y) == 0:
        none = np.empty(0, dtype=np.int64)
        return Assignment(none, none, 0.0, None, None, None, name)
    if len(x) <= len(y):
        col, duals = solve(x, y)
        row = np.arange(len(x), dtype=np.int64)
        u, v = duals if duals is not None else (None, None)
    else:
        row, duals = solve(y, x)
        order = np.argsort(row)  # rows ascending, as in the other orientation
        row, col = row[order], order.astype(np.int64)
        v, u = duals if duals is not None else (None, None)
    potential = v if len(x) <= len(y) else u
    gap = optimality_gap(x, y, row, col, potential) if certify and potential is not None else None
    return Assignment(row, col, paired_cost(x, y, row, col), u, v, gap, name)
