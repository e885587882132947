"""Colour change along the exact flow: almost 0 for colours fixed to the body."""

import math

import numpy as np
import pytest

from latentman.errors import ShapeError
from latentman.metrics.flicker import background_flicker
from latentman.metrics.warp import human_mse_mesh, warp_error
from tests.factories.figures import painted


def test_colours_fixed_to_the_body_score_almost_zero(body, conditions, judge):
    frames = painted(body, conditions)
    rng = np.random.default_rng(0)
    shuffled = frames.copy()
    for frame, mask in zip(shuffled, conditions.mask, strict=True):
        frame[mask] = rng.permutation(frame[mask])
    for metric in (human_mse_mesh, warp_error):
        steady, torn = metric(frames, judge).value, metric(shuffled, judge).value
        assert torn > 500
        # The remainder is at outlines, where a sample between two pixels includes the background.
        assert steady < 0.08 * torn
    assert human_mse_mesh(np.full_like(frames, 77), judge).value == 0


def slow_sample(picture, row, col):
    last = len(picture) - 1
    row, col = min(max(row, 0.0), last), min(max(col, 0.0), last)
    r, c = min(math.floor(row), last - 1), min(math.floor(col), last - 1)
    total = np.zeros(3)
    for i in (0, 1):
        for j in (0, 1):
            weight = (row - r if i else 1 - row + r) * (col - c if j else 1 - col + c)
            total += weight * picture[r + i, c + j].astype(float)
    return total


def test_scores_equal_loops_over_pixels(conditions, judge):
    frames = np.random.default_rng(1).integers(0, 256, (*conditions.mask.shape, 3), dtype=np.uint8)
    mesh, warp, flicker = [], [], []
    for i, flow in enumerate(judge.flows, start=1):
        matches = zip(judge.map.pairs[i][0], judge.map.positions[i].astype(float), strict=True)
        pairs = [(frames[i][tuple(q)] - slow_sample(frames[i - 1], *p)) ** 2 for q, p in matches]
        mesh.append(np.mean(pairs))
        flows = zip(flow.pixel, flow.position, strict=True)
        warp.append(np.mean([((frames[i][tuple(q)] - slow_sample(frames[i - 1], *p)) ** 2).sum() for q, p in flows]))
        outside = np.argwhere(~conditions.mask[i] & ~conditions.mask[i - 1])
        flicker.append(np.mean([np.abs(frames[i][r, c].astype(int) - frames[i - 1][r, c]) for r, c in outside]))
    for score, series in (
        (human_mse_mesh(frames, judge), mesh),
        (warp_error(frames, judge), warp),
        (background_flicker(frames, conditions.mask), flicker),
    ):
        assert score.per_pair == pytest.approx(series)
        assert score.value == pytest.approx(np.mean(series))


def test_frames_of_another_size_are_refused(conditions, judge):
    frames = np.zeros((3, 100, 100, 3), np.uint8)
    for metric, other in ((human_mse_mesh, judge), (warp_error, judge), (background_flicker, conditions.mask)):
        with pytest.raises(ShapeError, match=rf"{metric.__name__}: expected frames .*got \(3, 100, 100, 3\)"):
            metric(frames, other)
