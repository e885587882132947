"""Lines brought down to a width of one pixel without breaking them."""

from __future__ import annotations

import numpy as np

from latentman.types import Array

_RING = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""A pixel's eight neighbours, (row, column), in order from the one above it; even entries share a side with it."""

_SIDES = (0, 4, 2, 6)


def _is_simple(code: int) -> bool:
    """Return whether a pixel with the neighbours of ``code`` may go: not the end of a line, nor what joins two."""
    ring = [bool(code >> bit & 1) for bit in range(8)]
    # Pieces of the ring that hang together without the pixel, corners joined to sides (Yokoi's number for 8-connected
    # lines): one piece is left whole without it.
    pieces = sum(not ring[k] and (ring[k + 1] or ring[(k + 2) % 8]) for k in (0, 2, 4, 6))
    return pieces == 1 and sum(ring) > 1


_SIMPLE = np.array([_is_simple(code) for code in range(256)])
"""Whether a pixel may go, by its neighbours: bit k is entry k of ``_RING``."""


def thin(lines: Array) -> Array:
    """Return lines (H, W) bool, thinned to a width of one pixel in place, 8-connected.

    Pixels go from one side at a time, which keeps what is connected connected (Rosenfeld 1975), until none can.
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
