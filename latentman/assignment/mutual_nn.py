"""Mutual nearest neighbours: only the pairs that choose each other.

The matching is injective but not complete: points whose nearest neighbour prefers another point stay unmatched, about
half of them on noisy maps. It serves as a preview, and as a baseline that trades coverage for certainty.
"""

from __future__ import annotations

import numpy as np

from latentman.assignment.nearest import nearest
from latentman.assignment.problem import FloatArray, IntArray


def mutual_nn(small: FloatArray, large: FloatArray) -> tuple[IntArray, None]:
    """Match the points of ``small`` (n, 3) and ``large`` (m, 3) that are each other's nearest.

    Among equally near points, each side chooses the one with the lowest index.

    Returns:
        The column (n,) of each row, -1 for an unmatched row; no dual values.
    """
    if len(small) == 0 or len(large) == 0:
        return np.full(len(small), -1, dtype=np.int64), None
    choice = nearest(small, large, 1)[:, 0]
    chosen_back = nearest(large, small, 1)[choice, 0]
    return np.where(chosen_back == np.arange(len(small)), choice, -1), None
