"""Which frames of a motion are in the air: everything else stands on the floor."""

from __future__ import annotations

import numpy as np

from latentman.types import Array

LEAST_FLIGHT = 0.12
"""Metres below which a hop counts as standing: in one picture it looks like floating, not like a jump."""

_REACH = 0.1
"""Seconds before and after a frame in which the lowest joint of a supported body keeps its height."""

_STEADY = 0.03
"""Metres by which it may change in that time; in flight it changes by 0.05 m even at the top of a jump."""


def flight_heights(joints: Array, fps: float) -> Array:
    """Return how high each frame of a motion is above the floor that it jumps from or lands on, whichever is lower.

    A body that stands on a ledge is supported, so it is not in the air; neither is one in a hop lower than
    ``LEAST_FLIGHT``, such as a jumping jack or a running step.

    Args:
        joints: (T, 22, 3) in metres, Y up.
        fps: frames per second.

    Returns:
        (T,) metres; 0 for a frame that stands, kneels or lies.
    """
    low = joints[..., 1].min(1)
    supported = np.flatnonzero(_is_supported(low, max(1, round(_REACH * fps))))
    heights = np.zeros(len(low))
    if not len(supported):
        return heights
    after = np.searchsorted(supported, np.arange(len(low)))
    left, landing = supported[np.maximum(after - 1, 0)], supported[np.minimum(after, len(supported) - 1)]
    heights = low - np.minimum(low[left], low[landing])
    heights[supported] = 0.0
    return np.where(heights < LEAST_FLIGHT, 0.0, heights)


def _is_supported(low: Array, reach: int) -> Array:
    """Return (T,) bool: the height of the lowest joint is steady around a frame."""
    padded = np.pad(low, reach, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.asarray(np.ptp(around, axis=1) < _STEADY)
