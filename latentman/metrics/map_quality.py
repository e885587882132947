"""Quality of a run's map M: how much of the figure it covers, and its distance from the exact map."""

from __future__ import annotations

import numpy as np

from latentman.correspondence.match import downsample
from latentman.metrics.judge import Judge
from latentman.metrics.metric import Metric
from latentman.metrics.pairs import mean_of_pairs
from latentman.types import Conditions, Correspondence, Score


def coverage(correspondence: Correspondence, conditions: Conditions) -> Score:
    """Return the share (0 to 1) of the figure's pixels that have a match, on the map's grid, averaged over the pairs.

    Pixels whose point is hidden in the reference cannot have a correct match, so 1 is not the goal.

    Raises:
        ShapeError: if the map's grid does not divide the picture.
    """
    mask = downsample(conditions.mask, correspondence.size)
    per_pair = [
        len(target) / int(inside.sum()) if inside.any() else None
        for (target, _), inside in zip(correspondence.pairs[1:], mask[1:], strict=True)
    ]
    return mean_of_pairs("coverage", "share", per_pair, "the character is outside the picture in every later frame")


def map_error_px(correspondence: Correspondence, judge: Judge) -> Score:
    """Return the mean distance of the map's sources from the exact positions, in pixels of the map's grid.

    The mean is over the matched pixels whose point is visible in the reference, then over the pairs. A map of whole
    pixels has an error of about 0.4 even where it is correct; a map with sub-pixel positions is judged by those.
    """
    per_pair: list[float | None] = []
    for i, truth in enumerate(judge.truths, start=1):
        target, source = correspondence.pairs[i]
        found = source if correspondence.positions is None else correspondence.positions[i]
        exact = np.full((correspondence.size, correspondence.size, 2), np.nan)
        exact[tuple(truth.pixel.T)] = truth.position
        distance = np.sqrt(((found - exact[tuple(target.T)]) ** 2).sum(1))
        known = distance[~np.isnan(distance)]
        per_pair.append(float(known.mean()) if len(known) else None)
    return mean_of_pairs(
        "map_error_px", "pixels of the map's grid", per_pair, "no matched pixel shows a point seen in its reference"
    )


METRICS = {
    "coverage": Metric(lambda e: coverage(e.correspondence, e.conditions), ("map", "mesh"), of_the_map=True),
    "map_error_px": Metric(lambda e: map_error_px(e.correspondence, e.judge), ("map", "mesh"), of_the_map=True),
}
