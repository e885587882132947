"""PSNR and SSIM of the character between consecutive frames, aligned by the exact flow.

The previous frame is warped along the mesh's own flow, so that every visible pixel of the figure is compared with the
colour that the same point of the body had one frame earlier. Pixels whose point was hidden are ignored, and so is the
background.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from latentman.errors import ShapeError
from latentman.metrics.judge import Flow, Judge, sample
from latentman.metrics.metric import Metric
from latentman.metrics.pairs import mean_of_pairs
from latentman.metrics.warp import NOT_SEEN
from latentman.types import Score

PEAK = 255.0

ROUNDING = 1 / 12
"""Squared levels: the variance of rounding to whole levels. An 8-bit picture cannot show a smaller error."""

WINDOW = 7
"""Pixels: side of SSIM's square, evenly weighted windows."""

_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2  # K1 and K2 of Wang et al. (2004)

Frames = NDArray[np.uint8]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def align(before: Frames, flow: Flow) -> tuple[Floats, Mask]:
    """Return a frame (H, W, 3) warped along a flow to the next one, and a mask (H, W) of where it is known.

    Colours are read bilinearly. Pixels where the warped frame is unknown are zero.
    """
    warped, seen = np.zeros(before.shape), np.zeros(before.shape[:2], dtype=bool)
    at = tuple(flow.pixel.T)
    warped[at] = sample(before, flow.position)
    seen[at] = True
    return warped, seen


def psnr_aligned(frames: Frames, judge: Judge) -> Score:
    """Return the peak signal-to-noise ratio of the aligned character, in decibels.

    The score of a pair is ``10 log10(255^2 / mse)``, with the mean squared error over its visible pixels and the three
    channels; the result is the mean over the pairs. An error below the variance of rounding to whole levels (1/12)
    counts as 1/12, so that identical pixels give 58.9 dB rather than infinity.

    Args:
        frames: (T, H, H, 3) uint8 RGB, of the size of the conditions that the judge has seen.
        judge: of the same clip.

    Raises:
        ShapeError: if frames and judge do not fit together.
    """
    return _score("psnr_aligned", "dB", frames, judge, _psnr, NOT_SEEN)


def ssim_aligned(frames: Frames, judge: Judge) -> Score:
    """Return the structural similarity (Wang et al., 2004) of the aligned character, -1 to 1.

    It is computed over evenly weighted windows of 7 x 7 pixels that contain only visible pixels of the figure, with
    K1 = 0.01, K2 = 0.03, L = 255 and sample covariances (divided by 48), for each RGB channel separately. The mean is
    over windows and channels, then over the pairs. Narrow limbs contain no such window, so the score mainly judges
    the trunk.

    Args:
        frames: (T, H, H, 3) uint8 RGB, of the size of the conditions that the judge has seen.
        judge: of the same clip.

    Raises:
        ShapeError: if frames and judge do not fit together.
    """
    return _score(
        "ssim_aligned", "similarity (-1..1)", frames, judge, _ssim,
        f"no window of {WINDOW}x{WINDOW} pixels fits into the part of the figure seen in two consecutive frames",
    )  # fmt: skip


def ssim_map(a: Floats, b: Floats) -> Floats:
    """Return the similarity (H, W, C) of the windows centred at each pixel of two pictures (H, W, C).

    Pictures are mirrored at their edges to fill windows that reach beyond them.
    """

    def mean(values: Floats) -> Floats:
        return np.asarray(ndimage.uniform_filter(values, size=(WINDOW, WINDOW, 1)))

    of_sample = WINDOW**2 / (WINDOW**2 - 1)
    mean_a, mean_b = mean(a), mean(b)
    variances = of_sample * (mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2)
    covariance = of_sample * (mean(a * b) - mean_a * mean_b)
    likeness = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    return np.asarray(likeness / ((mean_a**2 + mean_b**2 + _C1) * (variances + _C2)))


def _psnr(now: Frames, warped: Floats, seen: Mask) -> float | None:
    if not seen.any():
        return None
    error = float(((now[seen] - warped[seen]) ** 2).mean())
    return float(10 * np.log10(PEAK**2 / max(error, ROUNDING)))


def _ssim(now: Frames, warped: Floats, seen: Mask) -> float | None:
    whole = ndimage.binary_erosion(seen, np.ones((WINDOW, WINDOW), bool))
    if not whole.any():
        return None
    rows, cols = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    return float(ssim_map(now[box].astype(np.float64), warped[box])[whole[box]].mean())


def _score(
    name: str,
    unit: str,
    frames: Frames,
    judge: Judge,
    value_of: Callable[[Frames, Floats, Mask], float | None],
    reason: str,
) -> Score:
    expect_clip(name, frames, judge)
    per_pair = [value_of(frames[i], *align(frames[i - 1], flow)) for i, flow in enumerate(judge.flows, start=1)]
    return mean_of_pairs(name, unit, per_pair, reason)


def expect_clip(name: str, frames: Frames, judge: Judge) -> None:
    """Refuse frames whose shape does not match the judge's clip.

    Raises:
        ShapeError: if they are not (T, H, H, 3) uint8 with the judge's T and H.
    """
    expected = (len(judge.flows) + 1, judge.side, judge.side, 3)
    if frames.dtype != np.uint8 or frames.shape != expected:
        raise ShapeError(f"{name}: expected frames {expected} uint8; got {frames.shape} {frames.dtype}")


METRICS = {
    "psnr_aligned": Metric(lambda e: psnr_aligned(e.frames, e.judge), ("mesh",)),
    "ssim_aligned": Metric(lambda e: ssim_aligned(e.frames, e.judge), ("mesh",)),
}
