"""Repairs of a triangle mesh for drawing from all sides."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from latentman.types import Array


def boundary_edges(faces: Array) -> Array:
    """Return the directed edges (E, 2) that belong to one face of ``faces`` (F, 3) and have no opposite edge."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = int(faces.max()) + 1
    lonely = ~np.isin(edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0])
    return edges[lonely]


def close_holes(vertices: Array, faces: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Close every hole with a fan around the centre of its rim, so that the head is not visible through the lips.

    Args:
        vertices: (V, 3).
        faces: (F, 3) int64.
        weights: (V, J) skinning weights; a new vertex gets the mean of its rim.

    Returns:
        The three arrays with one additional vertex per hole and one additional face per edge of its rim, at the end.
    """
    edges = boundary_edges(faces)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(len(vertices), len(vertices)))
    piece = connected_components(graph, directed=False)[1][edges[:, 0]]
    holes = [edges[piece == label] for label in np.unique(piece)]
    fans = [
        np.column_stack([rim[:, 1], rim[:, 0], np.full(len(rim), len(vertices) + index)])
        for index, rim in enumerate(holes)
    ]
    return (
        np.concatenate([vertices, *(vertices[rim[:, 0]].mean(0, keepdims=True) for rim in holes)]),
        np.concatenate([faces, *fans]),
        np.concatenate([weights, *(weights[rim[:, 0]].mean(0, keepdims=True) for rim in holes)]),
    )
