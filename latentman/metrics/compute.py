"""The scores that a run asks for, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentman.errors import check_choice
from latentman.metrics.figure import figure_contrast, figure_overlap
from latentman.metrics.human_mse import human_mse, human_mse_official_uint8
from latentman.metrics.judge import Judge, call_judge
from latentman.metrics.map_quality import coverage, map_error_px
from latentman.metrics.warp import background_flicker, human_mse_mesh, warp_error
from latentman.types import BodySequence, Conditions, Correspondence, Score


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a metric may look at.

    The frames (T, H, W, 3) uint8 RGB, what they were made from, the map M that guided them, and the exact one.
    """

    frames: NDArray[np.uint8]
    conditions: Conditions
    correspondence: Correspondence
    judge: Judge


Metric = Callable[[Evidence], Score]

METRICS: dict[str, Metric] = {
    "human_mse": lambda e: human_mse(e.frames, e.correspondence),
    "human_mse_official_uint8": lambda e: human_mse_official_uint8(e.frames, e.correspondence),
    "human_mse_mesh": lambda e: human_mse_mesh(e.frames, e.judge),
    "warp_error": lambda e: warp_error(e.frames, e.judge),
    "background_flicker": lambda e: background_flicker(e.frames, e.conditions),
    "coverage": lambda e: coverage(e.correspondence, e.conditions),
    "map_error_px": lambda e: map_error_px(e.correspondence, e.judge),
    "figure_contrast": lambda e: figure_contrast(e.frames, e.conditions),
    "figure_overlap": lambda e: figure_overlap(e.frames, e.conditions),
}
"""Every name that ``metrics.names`` may hold."""

OF_THE_MAP = {"coverage", "map_error_px"}
"""Metrics that judge the map M, not the frames."""

NOT_PLACED = "conditioner=none: nothing places the figure where the render has it"


def compute(
    names: list[str],
    *,
    frames: NDArray[np.uint8],
    conditions: Conditions,
    correspondence: Correspondence,
    body: BodySequence,
    placed: bool = True,
) -> list[Score]:
    """Return the named scores, in the order of the names.

    Args:
        names: names of metrics; all are checked before any is computed.
        frames: (T, H, W, 3) uint8 RGB, the finished video.
        conditions: what the video was generated from.
        correspondence: the map M at the grid that Human MSE is measured on (256 in the paper).
        body: the mesh behind the conditions, from which the exact map is made that judges frames and M.
        placed: whether the figure is where the conditions show it; if not, scores that look for it there have no value.

    Raises:
        ConfigError: if a name is unknown.
        ShapeError: if frames, conditions and map do not belong together.
    """
    for name in names:
        check_choice("metrics.names", name, METRICS)
    judge = call_judge(body, conditions, size=correspondence.size, reference=correspondence.reference)
    evidence = Evidence(frames, conditions, correspondence, judge)
    return [
        METRICS[name](evidence) if placed or name in OF_THE_MAP else Score(name, None, reason=NOT_PLACED)
        for name in names
    ]
