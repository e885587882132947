"""Change of colours from frame to frame along the exact flow of the mesh.

These scores are judged by the mesh alone, never by the map M that guided the run, so two runs of the same motion are
compared at the same pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.errors import ShapeError
from latentman.metrics.judge import Judge, sample
from latentman.metrics.metric import Metric
from latentman.metrics.pairs import mean_of_pairs
from latentman.types import Score

NOT_SEEN = "no point of the figure is seen in two consecutive frames"

Frames = NDArray[np.uint8]


def human_mse_mesh(frames: Frames, judge: Judge) -> Score:
    """Return the mean squared colour change of points of the body, in squared levels of 0..255 RGB.

    This is Human MSE (Eq. 9) on the exact map of consecutive frames. Frame i at a sample of the metric grid is compared
    with frame i - 1 at the sub-pixel position, interpolated bilinearly in the full picture. The mean is over pixels and
    channels, then over the pairs.

    Args:
        frames: (T, H, H, 3) uint8 RGB; H a multiple of the judge's grid.
        judge: of the same clip.

    Raises:
        ShapeError: if frames and judge do not fit together.
    """
    _check("human_mse_mesh", frames, len(judge.map.pairs), judge.map.size)
    assert judge.map.positions is not None
    step = frames.shape[1] // judge.map.size
    per_pair: list[float | None] = []
    for i, ((target, _), position) in enumerate(zip(judge.map.pairs, judge.map.positions, strict=True)):
        if i > 0:
            squares = _squares(frames[i], frames[i - 1], target * step, position.astype(np.float64) * step)
            per_pair.append(float(squares.mean()) if len(squares) else None)
    return mean_of_pairs("human_mse_mesh", "squared levels (0..255 RGB)", per_pair, NOT_SEEN)


def warp_error(frames: Frames, judge: Judge) -> Score:
    """Return the warping error of the figure at full resolution, in squared levels of 0..255, summed over RGB.

    The definition is that of Lai et al. (Learning Blind Video Temporal Consistency, 2018): frame i - 1 is warped to
    frame i, and the squared L2 norm of the colour difference is averaged over the pixels that are not occluded, then
    over the pairs. Flow and occlusions come from the mesh and are not estimated. Divided by 255^2, the error is on the
    scale of that paper.

    Args:
        frames: (T, H, H, 3) uint8 RGB, of the size of the conditions that the judge has seen.
        judge: of the same clip.

    Raises:
        ShapeError: if frames and judge do not fit together.
    """
    _check("warp_error", frames, len(judge.map.pairs), judge.map.size)
    per_pair: list[float | None] = []
    for i, flow in enumerate(judge.flows, start=1):
        squares = _squares(frames[i], frames[i - 1], flow.pixel, flow.position)
        per_pair.append(float(squares.sum(1).mean()) if len(squares) else None)
    return mean_of_pairs("warp_error", "squared levels (0..255), sum of RGB", per_pair, NOT_SEEN)


def _squares(
    here: Frames, there: Frames, pixel: NDArray[np.integer], position: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return squared colour differences (N, 3) of pixels of one frame and positions in another."""
    return np.asarray((here[tuple(pixel.T)] - sample(there, position)) ** 2)


def _check(name: str, frames: Frames, count: int, size: int) -> None:
    if (
        frames.dtype != np.uint8
        or frames.ndim != 4
        or frames.shape[0] != count
        or frames.shape[1] != frames.shape[2]
        or frames.shape[1] % size
        or frames.shape[3] != 3
    ):
        raise ShapeError(
            f"{name}: expected frames ({count}, H, H, 3) uint8 with H a multiple of {size}; got {frames.shape} "
            f"{frames.dtype}"
        )


METRICS = {
    "human_mse_mesh": Metric(lambda e: human_mse_mesh(e.frames, e.judge), ("mesh",)),
    "warp_error": Metric(lambda e: warp_error(e.frames, e.judge), ("mesh",)),
}
