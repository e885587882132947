"""The nearest points of a set, ordered by distance, then by index.

A k-d tree finds the candidates. Its distances differ from ours in the last digit, and equally distant points come in
the order of its branches. Its result is therefore used only where the distances separate the candidates from the rest;
other rows compare all points.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from latentman.assignment.problem import FloatArray, IntArray

_ROUNDING = 1e-9  # relative; far above the difference between two ways of computing one distance


def distances(point: FloatArray, others: FloatArray) -> FloatArray:
    """Return the distances (m,) of one point (3,) to others (m, 3)."""
    return np.asarray(np.sqrt(((others - point) ** 2).sum(axis=-1)))


def first_by_distance(distance: FloatArray, count: int) -> IntArray:
    """Return the indices of the ``count`` smallest distances (m,), ascending, ties by index; all if m is smaller."""
    if count >= len(distance):
        return np.argsort(distance, kind="stable")
    limit = np.partition(distance, count - 1)[count - 1]
    below = np.flatnonzero(distance < limit)
    chosen = np.concatenate([below, np.flatnonzero(distance == limit)[: count - len(below)]])
    return chosen[np.argsort(distance[chosen], kind="stable")]


def nearest(points: FloatArray, others: FloatArray, count: int) -> IntArray:
    """Return, for each of ``points`` (n, 3), the ``count`` nearest of ``others`` (m, 3): indices (n, min(count, m)).

    Each row is ascending in distance, with ties by index.
    """
    size = min(count, len(others))
    if len(points) == 0 or size == 0:
        return np.empty((len(points), size), dtype=np.int64)
    candidates = np.sort(cKDTree(others).query(points, k=np.arange(1, min(size + 1, len(others)) + 1))[1], axis=1)
    found = np.sqrt(((others[candidates] - points[:, None]) ** 2).sum(axis=-1))
    # The candidates are sorted by index, and a stable sort keeps that order among ties.
    order = np.argsort(found, axis=1, kind="stable")
    chosen = np.take_along_axis(candidates, order, axis=1)[:, :size].astype(np.int64)
    if size < len(others):
        ranked = np.take_along_axis(found, order[:, size - 1 :], axis=1)
        for i in np.flatnonzero(ranked[:, 1] - ranked[:, 0] <= _ROUNDING * ranked[:, 1]):
            chosen[i] = first_by_distance(distances(points[i], others), size)
    return chosen
