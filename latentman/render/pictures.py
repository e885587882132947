"""Conditions as pictures for people."""

from __future__ import annotations

import colorsys

import numpy as np

from latentman.types import NUM_PARTS, Array, Conditions

_GOLDEN_RATIO = 0.6180339887498949
"""Steps of this size along the circle of hues keep neighbouring parts apart."""


def depth_frames(conditions: Conditions) -> Array:
    """Return the disparity as grey pictures, (T, H, W, 3) uint8."""
    grey = np.rint(255 * np.clip(conditions.disparity, 0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def iuv_frames(conditions: Conditions) -> Array:
    """Return the IUV maps as pictures, (T, H, W, 3) uint8: a hue for each part, lighter with V, paler with U."""
    part = conditions.iuv[..., 0]
    u, v = (conditions.iuv[..., channel, None] / 255.0 for channel in (1, 2))
    colour = _part_colours()[part]
    shaded = (0.55 + 0.45 * v) * (colour + (1 - colour) * 0.45 * u)
    return np.rint(255 * np.where(part[..., None] > 0, shaded, 0.0)).astype(np.uint8)


def _part_colours() -> Array:
    """Return a saturated RGB colour, 0 to 1, for each part (row 0 black)."""
    hues = [(_GOLDEN_RATIO * part) % 1 for part in range(1, NUM_PARTS + 1)]
    return np.array([(0.0, 0.0, 0.0), *(colorsys.hsv_to_rgb(hue, 0.75, 1.0) for hue in hues)])
