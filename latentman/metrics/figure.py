"""Guards that keep Human MSE honest: is the character present, and does it have contrast?

A video whose character fades, blurs into a flat patch or leaves its mask can have a low Human MSE. Neither guard uses a
learned network. Both use only the frames and the figure's mask, frame by frame; ``per_pair`` holds the series over the
T frames.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from latentman.errors import ShapeError
from latentman.metrics.metric import Metric
from latentman.types import Score

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of R, G and B in the luma of ITU-R BT.601."""

_BINS = 16  # levels per channel of the colour histograms
_COLOUR_SIGMA = 1.0  # bins: colours this close count as nearly the same
_PRIOR_COUNT = 1.0  # pixels spread over the whole colour cube, so that an unseen colour favours neither class
_BLOCK = 8  # px: side of the checkerboard's squares; wider than the models' texture
_MIN_SAMPLES = 16  # no model is fitted to fewer pixels of a class in each half of the checkerboard

Frames = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def figure_contrast(frames: Frames, mask: Mask) -> Score:
    """Return the character's contrast: the standard deviation of its luma, averaged over the frames.

    It is in levels of 0..255, over the pixels inside the mask. It falls when the character fades to a single tone.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        mask: (T, H, W) bool, where the figure should be. Frames with an empty mask are skipped.

    Raises:
        ShapeError: if frames and mask do not fit together.
    """
    return _per_frame("figure_contrast", "levels (0..255)", frames, mask, _contrast)


def figure_overlap(frames: Frames, mask: Mask) -> Score:
    """Return the overlap (intersection over union, 0 to 1) of the figure found in the picture with the requested mask.

    The figure is found without a learned segmenter. Two colour models (smoothed RGB histograms) are fitted to each
    frame, one to the inside of the mask and one to its surroundings, both well away from the outline. They label every
    pixel of the mask's surroundings as figure or background, after the evidence has been averaged over about a pixel; a
    pixel without evidence counts as background, whether or not it is in the mask. Pieces that do not reach into the
    mask are dropped. Each half of a checkerboard is labelled by models fitted to the other half, so that noise is not
    memorised: a figure that is indistinguishable from its background scores low, not 1.

    Limits: where the figure's colours also fill the background, those parts are lost, so that a good picture of a busy
    scene scores below 1; flat colours that exactly fill the mask score 1 although they show no character; fine
    differences at the outline are below its resolution. Use it to compare methods on the same prompt and conditions;
    its absolute value does not measure quality.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        mask: (T, H, W) bool, where the figure should be. Frames whose mask is empty, or leaves no background for
            comparison, are skipped.

    Raises:
        ShapeError: if frames and mask do not fit together.
    """
    return _per_frame("figure_overlap", "intersection over union", frames, mask, _overlap)


def find_figure(frame: Frames, mask: Mask) -> tuple[Mask, tuple[slice, slice]] | None:
    """Label the surroundings of a mask (H, W) in a frame (H, W, 3) as figure (True) or background, by colour.

    The method is described at :func:`figure_overlap`.

    Returns:
        The labels inside a box around the mask, and that box; None if there are too few pixels to fit the models.
    """
    if not mask.any():
        return None
    box = _surroundings(mask)
    mask, picture = mask[box], frame[box]
    margin = max(1, round(mask.shape[0] / 64))
    inside = ndimage.binary_erosion(mask, iterations=margin)
    outside = ~ndimage.binary_dilation(mask, iterations=2 * margin)
    rows, cols = np.indices(mask.shape)
    fold = (rows // _BLOCK + cols // _BLOCK) % 2 == 0
    evidence = np.zeros(mask.shape)
    colours = picture.astype(np.int64) * _BINS // 256
    for test in (fold, ~fold):
        models = [_colour_model(colours[region & ~test]) for region in (inside, outside)]
        if models[0] is None or models[1] is None:
            return None
        evidence[test] = (models[0] - models[1])[tuple(colours[test].T)]
    figure = ndimage.gaussian_filter(evidence, max(0.75, margin / 2), mode="nearest") > 0
    return _touching(figure, mask), box


def _touching(figure: Mask, mask: Mask) -> Mask:
    """Keep the connected pieces that reach into the mask; the others are objects of the figure's colour next to it."""
    pieces, count = ndimage.label(figure)
    reaching = np.zeros(count + 1, dtype=bool)
    reaching[np.unique(pieces[mask])] = True
    reaching[0] = False
    return np.asarray(reaching[pieces])


def _contrast(frame: Frames, mask: Mask) -> float | None:
    return float((frame[mask] @ LUMA).std()) if mask.any() else None


def _overlap(frame: Frames, mask: Mask) -> float | None:
    found = find_figure(frame, mask)
    if found is None:
        return None
    figure, box = found
    return float((figure & mask[box]).sum() / (figure | mask[box]).sum())


def _surroundings(mask: Mask) -> tuple[slice, slice]:
    """Return the mask's bounding box, enlarged on every side by a sixth of its longer side."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    grow = max(4, round(max(np.ptp(rows), np.ptp(cols)) / 6))
    return tuple(slice(max(0, x[0] - grow), x[-1] + grow + 1) for x in (rows, cols))  # type: ignore[return-value]


def _colour_model(colours: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the log density (bins, bins, bins) of these colours (n, 3), or None if there are too few."""
    if len(colours) < _MIN_SAMPLES:
        return None
    counts = np.zeros((_BINS,) * 3)
    np.add.at(counts, tuple(colours.T), 1.0)
    density = ndimage.gaussian_filter(counts, _COLOUR_SIGMA, mode="constant") + _PRIOR_COUNT / _BINS**3
    return np.asarray(np.log(density / density.sum()))


def _per_frame(
    name: str, unit: str, frames: Frames, mask: Mask, value_of: Callable[[Frames, Mask], float | None]
) -> Score:
    if frames.dtype != np.uint8 or frames.shape != (*mask.shape, 3):
        raise ShapeError(
            f"{name}: expected frames {(*mask.shape, 3)} uint8, as the mask; got {frames.shape} {frames.dtype}"
        )
    values = tuple(value_of(frame, inside) for frame, inside in zip(frames, mask, strict=True))
    known = [value for value in values if value is not None]
    return Score(
        name=name,
        value=float(np.mean(known)) if known else None,
        unit=unit,
        per_pair=values,
        reason=None if known else "the character is outside the picture, or fills it, in every frame",
    )


METRICS = {
    "figure_contrast": Metric(lambda e: figure_contrast(e.frames, e.mask), ("mask",)),
    "figure_overlap": Metric(lambda e: figure_overlap(e.frames, e.mask), ("mask",)),
}
