"""The assignment problem and its solution.

Two sets of points, X (n, 3) and Y (m, 3); matching x_i with y_j costs their Euclidean distance. The solution is a set
of min(n, m) pairs of least total cost in which no point is used twice. The |n - m| unmatched points cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from latentman.errors import DataError, ShapeError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A matching of X (n, 3) with Y (m, 3).

    ``row`` and ``col`` (K,) int64 index X and Y, rows ascending; K is min(n, m), or less for ``mutual_nn``. ``cost`` is
    the sum of the distances of the pairs, computed in float64 from the points themselves, whatever the solver uses
    internally. ``u`` (n,) and ``v`` (m,) are dual values of X and Y (None if the solver gives none). ``gap`` is the
    proven distance of ``cost`` to the optimum (None if it was not requested or there are no dual values). ``solver`` is
    the name of the solver that was used; ``exact`` is True if it guarantees the least cost.
    """

    row: IntArray
    col: IntArray
    cost: float
    u: FloatArray | None
    v: FloatArray | None
    gap: float | None
    solver: str
    exact: bool = True


class Solve(Protocol):
    """Match points of the smaller side (n, 3) with points of the larger (m, 3), 1 <= n <= m, all finite.

    It returns the column of each row, -1 for an unmatched row (``mutual_nn`` only), and the dual values (u (n,), v
    (m,)) or None.
    """

    def __call__(self, small: FloatArray, large: FloatArray) -> tuple[IntArray, tuple[FloatArray, FloatArray] | None]:
        """Return the matching."""
        ...


def no_assignment(solver: str, *, exact: bool) -> Assignment:
    """Return the matching of an empty side: no pairs, no cost."""
    none = np.empty(0, dtype=np.int64)
    return Assignment(none, none, 0.0, None, None, None, solver, exact)


def check_points(name: str, points: NDArray[np.floating]) -> FloatArray:
    """Return the points as a contiguous float64 array (n, 3).

    Raises:
        ShapeError: if they are not (n, 3).
        DataError: if a coordinate is not finite.
    """
    array = np.ascontiguousarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ShapeError(f"assignment: {name} must hold one point of 3 features per row, (n, 3); got {array.shape}")
    if not np.isfinite(array).all():
        bad = int(np.argwhere(~np.isfinite(array))[0][0])
        raise DataError(
            f"assignment: {name}[{bad}] = {array[bad]} is not finite; check the IUV map and correspondence.e_weight"
        )
    return array


def paired_cost(x: FloatArray, y: FloatArray, row: IntArray, col: IntArray) -> float:
    """Return the sum of the distances |x[row] - y[col]|."""
    return float(np.sqrt(((x[row] - y[col]) ** 2).sum(axis=1)).sum())
