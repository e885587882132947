"""Thinning of lines to a width of one pixel without breaking them."""

from __future__ import annotations

import numpy as np

from latentman.types import Array

_RING = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""A pixel's eight neighbours, (row, column), in order from the one above it; even entries share a side with it."""

_SIDES = (0, 4, 2, 6)


def _is_simple(code: int) -> bool:
    """Return whether a pixel with these neighbours may be removed: not a line's end, nor a junction."""
    ring = [bool(code >> bit & 1) for bit in range(8)]
    # The number of connected pieces of the ring, with corners joined to sides (Yokoi's number for 8-connected lines).
    # If it is one, removing the pixel breaks nothing.
    pieces = sum(not ring[k] and (ring[k + 1] or ring[(k + 2) % 8]) for k in (0, 2, 4, 6))
    return pieces == 1 and sum(ring) > 1


_SIMPLE = np.array([_is_simple(code) for code in range(256)])
"""Whether a pixel may be removed, by its neighbours: bit k is entry k of ``_RING``."""


def thin(lines: Array) -> Array:
    """Return lines (H, W) bool, thinned to a width of one pixel in place, 8-connected.

    Pixels are removed from one side at a time, which preserves connectivity (Rosenfeld 1975), until none can be
    removed.
    """
    lines = lines.copy()
    while True:
        before = int(lines.sum())
        for side in _SIDES:
            code = _codes(lines)
            lines &= ~(_SIMPLE[code] & (code >> side & 1 == 0))
        if int(lines.sum()) == before:
            return lines


def _codes(lines: Array) -> Array:
    """Return the neighbours of each pixel (H, W) as bits in the order of ``_RING``."""
    height, width = lines.shape
    padded = np.pad(lines, 1).astype(np.int64)
    views = (padded[1 + r : 1 + r + height, 1 + c : 1 + c + width] << bit for bit, (r, c) in enumerate(_RING))
    return np.asarray(sum(views))
