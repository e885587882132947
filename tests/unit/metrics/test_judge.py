"""Scores judged by the mesh: colours fixed to the body score almost 0, others do not."""

import numpy as np
from scipy import ndimage

from latentman.metrics.judge import call_judge, sample
from latentman.metrics.warp import human_mse_mesh
from tests.factories.figures import painted


def test_away_from_outlines_colours_of_the_body_agree_within_one_level(body, conditions, judge):
    frames, deep = painted(body, conditions), ndimage.binary_erosion(conditions.mask, np.ones((1, 3, 3)), iterations=2)
    for i, flow in enumerate(judge.flows, start=1):
        inside = deep[i - 1][tuple(np.round(flow.position).astype(int).T)]
        difference = frames[i][tuple(flow.pixel.T)] - sample(frames[i - 1], flow.position)
        assert np.median(np.abs(difference[inside])) < 0.6  # both sides are rounded to whole levels
        assert inside.sum() > 200


def test_the_judge_does_not_depend_on_the_map_that_it_judges(body, conditions):
    frames = np.random.default_rng(2).integers(0, 256, (*conditions.mask.shape, 3), dtype=np.uint8)
    values = [
        human_mse_mesh(frames, call_judge(body, conditions, size=64, reference=reference)).value
        for reference in ("prev", "prev_new", "first")
    ]
    assert values[0] == values[1] == values[2]
