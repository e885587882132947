"""Conditions as pictures for viewing."""

from __future__ import annotations

import colorsys

import numpy as np

from latentman.types import MAX_CHARACTERS, Array, Conditions

_HUES = (14, 19, 10, 4, 11, 23, 1, 5, 7, 13, 12, 17, 18, 22, 2, 3, 8, 9, 20, 16, 15, 21, 6, 0)
"""Hue of parts 1 to 24, in 24ths of the colour circle; parts that touch are at least 5 apart."""

_TURN = 0.618
"""Hue offset of the third and fourth character, as a share of the circle; twice that for the next pair."""


def depth_frames(conditions: Conditions) -> Array:
    """Return the disparity as grey pictures, (T, H, W, 3) uint8."""
    grey = np.rint(255 * np.clip(conditions.disparity, 0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def iuv_frames(conditions: Conditions) -> Array:
    """Return the IUV maps as pictures, (T, H, W, 3) uint8: a hue for each part, paler with U, darker towards V = 0.

    Every second character has weaker colours, so that two characters that touch can be distinguished.
    """
    part = conditions.iuv[..., 0]
    u, v = (conditions.iuv[..., channel, None] / 255.0 for channel in (1, 2))
    colour = _part_colours()[part]
    shaded = (0.5 + 0.5 * v) * (colour + (1 - colour) * 0.5 * u)
    return np.rint(255 * np.where(part[..., None] > 0, shaded, 0.0)).astype(np.uint8)


def _part_colours() -> Array:
    """Return a saturated RGB colour, 0 to 1, for each part (row 0 black)."""
    colours = [(0.0, 0.0, 0.0)]
    for character in range(MAX_CHARACTERS):
        saturation = 0.8 if character % 2 == 0 else 0.4
        # Further pairs get a hue offset that no earlier pair has.
        turn = (character // 2) * _TURN
        colours += [colorsys.hsv_to_rgb((hue / 24 + turn) % 1, saturation, 1.0) for hue in _HUES]
    return np.array(colours)
