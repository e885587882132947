"""Change of fixed pixels from frame to frame, in the whole picture and in its background.

Neither score compensates for motion: movement of the camera or of an object is counted too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.errors import ShapeError
from latentman.metrics.metric import Metric
from latentman.metrics.pairs import mean_of_pairs
from latentman.types import Score

UNIT = "levels (0..255)"
CAMERA_MOVES = "the camera moves (camera.orbit, camera.follow), so that the background moves in the picture"
ONE_FRAME = "there is only one frame"

Frames = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def flicker(frames: Frames) -> Score:
    """Return the mean absolute change of all pixels from frame to frame, in levels of 0..255.

    The mean is over pixels and channels, then over the T - 1 consecutive pairs. Motion counts as flicker: use the score
    to compare videos of the same motion against the same background, or to measure a scene in which nothing moves.

    Args:
        frames: (T, H, W, 3) uint8 RGB.

    Raises:
        ShapeError: if the frames have another shape or type.
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise ShapeError(f"flicker: expected frames (T, H, W, 3) uint8, got {frames.shape} {frames.dtype}")
    per_pair = [_change(frames[i], frames[i - 1]) for i in range(1, len(frames))]
    return mean_of_pairs("flicker", UNIT, per_pair, ONE_FRAME)


def background_flicker(frames: Frames, mask: Mask, *, camera_moves: bool = False) -> Score:
    """Return the mean absolute change, in levels of 0..255, of pixels outside the figure in both frames of a pair.

    If the camera is fixed, the background's flow is zero. If it moves, no geometry gives the flow, and the score has no
    value. The mean is over pixels and channels, then over the pairs.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        mask: (T, H, W) bool, True on the figure.
        camera_moves: whether the background moves in the picture.

    Raises:
        ShapeError: if frames and mask do not fit together.
    """
    if frames.dtype != np.uint8 or frames.shape != (*mask.shape, 3):
        raise ShapeError(
            f"background_flicker: expected frames {(*mask.shape, 3)} uint8, as the mask; got {frames.shape} "
            f"{frames.dtype}"
        )
    if camera_moves:
        return Score("background_flicker", None, UNIT, reason=CAMERA_MOVES)
    per_pair: list[float | None] = []
    for i in range(1, len(frames)):
        outside = ~(mask[i] | mask[i - 1])
        per_pair.append(_change(frames[i][outside], frames[i - 1][outside]) if outside.any() else None)
    return mean_of_pairs("background_flicker", UNIT, per_pair, "the figure fills the picture in every pair of frames")


def _change(a: Frames, b: Frames) -> float:
    return float(np.abs(a.astype(np.int16) - b).mean())


METRICS = {
    "background_flicker": Metric(
        lambda e: background_flicker(e.frames, e.mask, camera_moves=e.camera_moves), ("mask",)
    ),
    "flicker": Metric(lambda e: flicker(e.frames)),
}
