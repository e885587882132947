"""Human MSE: how much the colour of a point of the body changes from frame to frame (paper, Eq. 9).

Pairs of pixels come from the map M. Frames are reduced to M's grid by the top-left sample of each block, as the map
itself is. Lower is steadier. A perfectly steady character scores 0, but so does a character without any texture: read
it together with the guards in :mod:`latentman.metrics.figure`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentman.correspondence.match import downsample
from latentman.errors import ShapeError
from latentman.metrics.metric import Metric
from latentman.metrics.pairs import NO_MATCHES, mean_of_pairs
from latentman.types import Correspondence, Score

Frames = NDArray[np.uint8]


def _squares(a: Frames, b: Frames) -> NDArray[np.float64]:
    return (a.astype(np.float64) - b.astype(np.float64)) ** 2


def _wrapped_squares(a: Frames, b: Frames) -> NDArray[np.float64]:
    difference = a - b  # uint8: modulo 256, as is the square
    return (difference * difference).astype(np.float64)


def human_mse(frames: Frames, correspondence: Correspondence) -> Score:
    """Return the mean squared colour difference of matched pixels (Eq. 9), in squared levels of 0..255 RGB.

    The mean is taken over the pixels of a pair and the three channels, then over the pairs that have matches: T - 1
    consecutive pairs, not T as Eq. 9 writes (frame 0 has no predecessor). Pairs without matches are None in
    ``per_pair``.

    Args:
        frames: (T, H, W, 3) uint8 RGB; H a multiple of the map's grid.
        correspondence: the map M; it alone decides which pixels are compared, so the background is ignored.

    Returns:
        The score; without any match its value is None, and the reason says why.

    Raises:
        ShapeError: if the frames are not (T, H, H, 3) uint8 with the map's T, or its grid does not divide H.
    """
    return _score("human_mse", frames, correspondence, _squares)


def human_mse_official_uint8(frames: Frames, correspondence: Correspondence) -> Score:
    """Return the same mean with difference and square taken modulo 256, as the released code's 8-bit arithmetic does.

    Use it only for comparison with the paper's numbers: it saturates at about 105.5, its mean for uniformly drawn
    differences, and a wrapped square does not measure size. The pairs are the same as in :func:`human_mse`; the
    released code also compares the last frame with the first and uses a UV atlas, which is not reproduced.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        correspondence: the map M.

    Raises:
        ShapeError: as :func:`human_mse`.
    """
    return _score("human_mse_official_uint8", frames, correspondence, _wrapped_squares)


def _score(
    name: str, frames: Frames, correspondence: Correspondence, squares: Callable[[Frames, Frames], NDArray[np.float64]]
) -> Score:
    if (
        frames.ndim != 4
        or frames.shape[-1] != 3
        or frames.dtype != np.uint8
        or len(frames) != len(correspondence.pairs)
    ):
        raise ShapeError(
            f"{name}: expected frames ({len(correspondence.pairs)}, H, W, 3) uint8, one for each entry of the map; "
            f"got {frames.shape} {frames.dtype}"
        )
    grid = downsample(frames, correspondence.size)
    per_pair: list[float | None] = []
    for i, (target, source) in enumerate(correspondence.pairs[1:], start=1):
        if len(target) == 0:
            per_pair.append(None)
            continue
        here, there = grid[i][tuple(target.T)], grid[correspondence.source_frame(i)][tuple(source.T)]
        per_pair.append(float(squares(here, there).mean()))
    return mean_of_pairs(name, "squared levels (0..255 RGB)", per_pair, NO_MATCHES)


METRICS = {
    "human_mse": Metric(lambda e: human_mse(e.frames, e.correspondence), ("map",)),
    "human_mse_official_uint8": Metric(lambda e: human_mse_official_uint8(e.frames, e.correspondence), ("map",)),
}
