"""The scores that a run asks for, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentman.errors import check_choice
from latentman.metrics.figure import figure_contrast, figure_overlap
from latentman.metrics.human_mse import human_mse, human_mse_official_uint8
from latentman.types import Conditions, Correspondence, Score


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a metric may look at: the frames (T, H, W, 3) uint8 RGB, what they were made from, and the map M."""

    frames: NDArray[np.uint8]
    conditions: Conditions
    correspondence: Correspondence


Metric = Callable[[Evidence], Score]


def _absent(name: str, reason: str) -> Metric:
    return lambda _: Score(name=name, value=None, reason=reason)


METRICS: dict[str, Metric] = {
    "human_mse": lambda e: human_mse(e.frames, e.correspondence),
    "human_mse_official_uint8": lambda e: human_mse_official_uint8(e.frames, e.correspondence),
    "human_mse_mesh": _absent("human_mse_mesh", "the mesh-exact correspondence is not part of this version"),
    "warp_error": _absent("warp_error", "the warp metric is not part of this version"),
    "figure_contrast": lambda e: figure_contrast(e.frames, e.conditions),
    "figure_overlap": lambda e: figure_overlap(e.frames, e.conditions),
}
"""Every name that ``metrics.names`` may hold."""


def compute(
    names: list[str], *, frames: NDArray[np.uint8], conditions: Conditions, correspondence: Correspondence
) -> list[Score]:
    """Return the named scores, in the order of the names.

    Args:
        names: names of metrics; all are checked before any is computed.
        frames: (T, H, W, 3) uint8 RGB, the finished video.
        conditions: what the video was generated from.
        correspondence: the map M at the grid that Human MSE is measured on (256 in the paper).

    Raises:
        ConfigError: if a name is unknown.
        ShapeError: if frames, conditions and map do not belong together.
    """
    for name in names:
        check_choice("metrics.names", name, METRICS)
    evidence = Evidence(frames, conditions, correspondence)
    return [METRICS[name](evidence) for name in names]
