"""A proof of optimality that is independent of the solver.

The dual of the assignment problem with n <= m: maximise sum u_i + sum v_j subject to u_i + v_j <= c_ij, and v_j <= 0
where n < m (v_j is free where n = m). Every feasible (u, v) bounds the cost of every matching from below. Only v is
taken from the solver; the best u for it is computed from all n * m costs, in blocks. A defect of the solver can
therefore make the proven gap larger but never smaller (except for rounding: allow 1e-9 * (1 + cost)).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from latentman.assignment.problem import FloatArray, IntArray, paired_cost
from latentman.errors import DataError

_BLOCK_ELEMENTS = 1 << 20  # 8 MiB of costs at a time, so that memory does not grow with n * m


def dual_bound(small: FloatArray, large: FloatArray, potential: FloatArray) -> float:
    """Return a lower bound on the cost of every matching of ``small`` (n, 3) into ``large`` (m, 3), n <= m.

    Args:
        small: the side that is matched completely.
        large: the side of which m - n points stay unmatched.
        potential: (m,) any values; the closer to optimal dual values of ``large``, the tighter the bound.
    """
    n, m = len(small), len(large)
    # With n < m, an unmatched column contributes nothing, so a positive value would overestimate the bound. With n = m,
    # it is allowed.
    weights = np.minimum(potential, 0.0) if n < m else potential
    rows = max(1, _BLOCK_ELEMENTS // max(1, m))
    best = [(cdist(small[i : i + rows], large) - weights).min(axis=1) for i in range(0, n, rows)]
    return float(np.concatenate(best).sum() + weights.sum()) if best else 0.0


def optimality_gap(x: FloatArray, y: FloatArray, row: IntArray, col: IntArray, potential: FloatArray) -> float:
    """Return the cost of a matching minus a proven lower bound: 0 (up to rounding) means optimal.

    Args:
        x: (n, 3) points.
        y: (m, 3) points.
        row: (min(n, m),) indices into x.
        col: (min(n, m),) indices into y.
        potential: dual values of the larger side, (m,) if n <= m, else (n,).

    Raises:
        DataError: if the pairs are not a complete matching of distinct points.
    """
    size = min(len(x), len(y))
    if not (len(row) == len(col) == len(np.unique(row)) == len(np.unique(col)) == size):
        raise DataError(
            f"certificate: {len(row)} pairs are not a matching of {size} distinct rows with {size} distinct columns"
        )
    if size == 0:
        return 0.0
    small, large = (x, y) if len(x) <= len(y) else (y, x)
    return paired_cost(x, y, row, col) - dual_bound(small, large, potential)
