"""Change of colours of the background from frame to frame, along the exact flow of the scene behind the figures.

The score is judged by the scene alone (``correspondence/background.py``), whatever map the run itself used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.correspondence.background import map_background
from latentman.errors import ShapeError
from latentman.metrics.judge import sample
from latentman.metrics.metric import Metric
from latentman.metrics.pairs import mean_of_pairs
from latentman.types import Conditions, Score

UNIT = "squared levels (0..255), sum of RGB"
NO_SCENE = "the camera moves and scene=none, so that the background has no flow: add scene=floor or scene=room"
NOT_SEEN = "no point of the background is seen in two consecutive frames"


def background_warp_error(frames: NDArray[np.uint8], conditions: Conditions) -> Score:
    """Return the warping error of the background at full resolution, in squared levels of 0..255, summed over RGB.

    As ``warp_error`` (Lai et al., 2018), over the pixels of the background whose point the frame before shows too:
    frame i - 1 is read bilinearly where the scene's map has the point. Pixels next to a figure are left out, since
    their interpolation would include some of it. If the camera stands still, no scene is needed: the flow is zero.

    Args:
        frames: (T, H, H, 3) uint8 RGB, of the size of the conditions.
        conditions: with the cameras and the scene of the clip.

    Raises:
        ShapeError: if frames and conditions do not fit together.
    """
    if frames.dtype != np.uint8 or frames.shape != (*conditions.mask.shape, 3):
        raise ShapeError(
            f"background_warp_error: expected frames {(*conditions.mask.shape, 3)} uint8, as the conditions; got "
            f"{frames.shape} {frames.dtype}"
        )
    if conditions.scene is None and conditions.camera_moves:
        return Score("background_warp_error", None, UNIT, reason=NO_SCENE)
    background = map_background(conditions, size=frames.shape[1], sources="previous")
    per_pair: list[float | None] = []
    for i in range(1, len(frames)):
        here = frames[i][tuple(background.target[i].T)]
        squares = (here - sample(frames[i - 1], background.position[i])) ** 2
        per_pair.append(float(squares.sum(1).mean()) if len(squares) else None)
    return mean_of_pairs("background_warp_error", UNIT, per_pair, NOT_SEEN)


METRICS = {
    "background_warp_error": Metric(lambda e: background_warp_error(e.frames, e.conditions), ("mesh",)),
}
