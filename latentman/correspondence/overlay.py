"""Visualisation of the map M: colours that move with the body.

Frame 0's figure is painted with a smooth field of colours; every later frame takes its colours along M. Where the map
is correct, a colour stays at its place on the body while the body moves; where the map is torn, so are the colours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.correspondence.match import downsample
from latentman.errors import ShapeError
from latentman.types import Correspondence

UNTRACKED = (128, 128, 128)
"""The grey of foreground pixels whose body point is not visible in frame 0, or whose track is broken."""

_CELLS = 16  # checker squares along the figure's longer side
_FIELD_OPACITY = 0.75
_BACKDROP_GAIN = 0.45

Images = NDArray[np.uint8]


def track_colours(mask: NDArray[np.bool_], correspondence: Correspondence) -> Images:
    """Return colours (T, size, size, 3) carried from frame 0 along the map.

    Args:
        mask: (T, size, size) True on the figure, on the map's grid.
        correspondence: the map M.

    Returns:
        RGB: the colour field in frame 0, the source's colour at matched pixels of later frames, grey at unmatched
        foreground, black at the background.

    Raises:
        ShapeError: if the mask is not on the map's grid.
    """
    expected = (len(correspondence.pairs), correspondence.size, correspondence.size)
    if mask.shape != expected:
        raise ShapeError(f"track colours: expected a mask {expected} on the map's grid, got {mask.shape}")
    colours = np.zeros((*mask.shape, 3), np.uint8)
    colours[mask] = UNTRACKED
    if mask[0].any():
        colours[0][mask[0]] = _colour_field(np.argwhere(mask[0]))
    for i, (target, source) in enumerate(correspondence.pairs):
        colours[i][tuple(target.T)] = colours[correspondence.source_frame(i)][tuple(source.T)]
    return colours


def overlay(frames: Images, colours: Images, size: int) -> Images:
    """Return the frames (T, H, W, 3) in dark grey with the tracked colours over the figure.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        colours: (T, size, size, 3) from :func:`track_colours`; black is transparent.
        size: the grid of the colours; a divisor of H.

    Raises:
        ShapeError: if frames and colours do not fit together.
    """
    if colours.shape != (len(frames), size, size, 3):
        raise ShapeError(f"overlay: expected colours {(len(frames), size, size, 3)}, got {colours.shape}")
    downsample(frames, size)  # refuses frames that are not a whole number of grid cells
    step = frames.shape[1] // size
    # Frame by frame, because the sums are in float64: a long clip at once would dominate the memory use of a run.
    return np.stack([_laid_over(frame, colour, step) for frame, colour in zip(frames, colours, strict=True)])


def _laid_over(frame: Images, colour: Images, step: int) -> Images:
    """Return one frame (H, W, 3) with the colours (size, size, 3) over it."""
    spread = colour.repeat(step, axis=0).repeat(step, axis=1).astype(np.float64)
    luma = (frame @ np.array([0.299, 0.587, 0.114]))[..., None]
    backdrop = np.broadcast_to(_BACKDROP_GAIN * luma, spread.shape)
    # The shading of the picture stays visible through the colours.
    painted = _FIELD_OPACITY * spread + (1 - _FIELD_OPACITY) * luma
    return np.where(spread.any(axis=-1, keepdims=True), painted, backdrop).round().clip(0, 255).astype(np.uint8)


def _colour_field(pixels: NDArray[np.integer]) -> Images:
    """Colour pixels (n, 2) by position: hue by height, paler towards one side, with a light-dark checker pattern."""
    low = pixels.min(axis=0)
    extent = max(1, int((pixels.max(axis=0) - low).max()))
    down, across = ((pixels - low) / extent).T
    width = max(1e-9, float(across.max()))
    cells = np.floor(down * _CELLS) + np.floor(across * _CELLS)
    value = np.where(cells % 2 == 0, 1.0, 0.62)
    return _hsv_to_rgb(0.83 * down, 1.0 - 0.55 * across / width, value)


def _hsv_to_rgb(hue: NDArray[np.float64], saturation: NDArray[np.float64], value: NDArray[np.float64]) -> Images:
    """Convert HSV in 0..1 to RGB uint8 (n, 3)."""
    phase = (hue[:, None] * 6 + np.array([0.0, 4.0, 2.0])) % 6
    pure = np.clip(np.abs(phase - 3) - 1, 0, 1)
    rgb = value[:, None] * (1 - saturation[:, None] * (1 - pure))
    return (255 * rgb).round().astype(np.uint8)
