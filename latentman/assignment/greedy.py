"""Greedy matching: the cheapest pair first, then the cheapest remaining pair, and so on.

The matching is injective and complete but not optimal: a preview, and a baseline for the exact solvers. No n x m matrix
is built: every point of the smaller side keeps a short list of its nearest partners, and searches for new ones when all
of them are taken.
"""

from __future__ import annotations

import heapq

import numpy as np

from latentman.assignment.nearest import distances, first_by_distance, nearest
from latentman.assignment.problem import FloatArray, IntArray

_LIST_LENGTH = 16


class _Free:
    """The columns that are still free, compacted whenever half of them are taken."""

    def __init__(self, large: FloatArray) -> None:
        self._large = large
        self._columns = np.arange(len(large))
        self._left = len(large)
        self.is_free = np.ones(len(large), dtype=bool)

    def take(self, column: int) -> None:
        self.is_free[column] = False
        self._left -= 1
        if 2 * self._left < len(self._columns):
            self._columns = self._columns[self.is_free[self._columns]]

    def nearest(self, point: FloatArray) -> list[tuple[float, int]]:
        """Return the nearest free columns as (distance, column), ascending."""
        columns = self._columns[self.is_free[self._columns]]
        distance = distances(point, self._large[columns])
        chosen = first_by_distance(distance, _LIST_LENGTH)
        return list(zip(distance[chosen].tolist(), columns[chosen].tolist(), strict=True))


def greedy(small: FloatArray, large: FloatArray) -> tuple[IntArray, None]:
    """Match every point of ``small`` (n, 3) with one of ``large`` (m, 3), n <= m, taking pairs by ascending distance.

    Equal distances are taken by row, then by column.

    Returns:
        The column (n,) of each row; no dual values.
    """
    column_of = np.full(len(small), -1, dtype=np.int64)
    free = _Free(large)
    # Nearest last, so that entries are popped off the end.
    lists = [
        list(zip(distances(point, large[columns]).tolist(), columns.tolist(), strict=True))[::-1]
        for point, columns in zip(small, nearest(small, large, _LIST_LENGTH), strict=True)
    ]
    heap = [(lists[row][-1][0], row) for row in range(len(small))]
    heapq.heapify(heap)
    while heap:
        row = heapq.heappop(heap)[1]
        candidates = lists[row]
        if free.is_free[column := candidates[-1][1]]:
            free.take(column)
            column_of[row] = column
            continue
        while candidates and not free.is_free[candidates[-1][1]]:
            candidates.pop()
        if not candidates:
            candidates = lists[row] = free.nearest(small[row])[::-1]
        heapq.heappush(heap, (candidates[-1][0], row))
    return column_of, None
