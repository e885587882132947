"""PSNR and SSIM along the exact flow, flicker, and properties that hold for any pictures."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from latentman.errors import ShapeError
from latentman.metrics.aligned import WINDOW, align, psnr_aligned, ssim_aligned
from latentman.metrics.flicker import background_flicker, flicker
from latentman.metrics.judge import Flow, Judge
from tests.factories.maps import random_map

SIDE = 24
CEILING = 10 * math.log10(255**2 * 12)


def a_judge(pixel, position, frames=2, side=SIDE):
    flow = Flow(np.asarray(pixel, np.int32).reshape(-1, 2), np.asarray(position, float).reshape(-1, 2))
    return Judge(side, (flow,) * (frames - 1), random_map(0, frames=frames), (flow,) * (frames - 1))


def block(top=4, bottom=20, left=6, right=18):
    rows, cols = np.mgrid[top:bottom, left:right]
    return np.stack([rows.ravel(), cols.ravel()], -1)


def pictures(seed, frames=2, side=SIDE, smooth=0.8):
    noise = np.random.default_rng(seed).uniform(0, 255, (frames, side, side, 3))
    return ndimage.gaussian_filter(noise, (0, smooth, smooth, 0)).astype(np.uint8)


def slow_ssim(a, b, row, col):
    """SSIM of one window of one channel, by the formula of Wang et al."""
    half = WINDOW // 2
    x, y = (p[row - half : row + half + 1, col - half : col + half + 1].astype(float).ravel() for p in (a, b))
    covariance = np.cov(x, y)  # divides by n - 1
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)) / (
        (x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
    )


def test_scores_equal_loops_over_pixels_and_windows():
    frames, pixel = pictures(1), block()
    pixel = pixel[np.random.default_rng(2).random(len(pixel)) > 0.01]  # a few points are hidden
    judge = a_judge(pixel, pixel + np.array([1, -2]))
    seen = {tuple(p) for p in pixel.tolist()}
    squares, values = [], []
    before = np.zeros(frames[0].shape)
    for row, col in seen:
        before[row, col] = frames[0, row + 1, col - 2]
        squares += [(float(frames[1, row, col, k]) - before[row, col, k]) ** 2 for k in range(3)]
    half = WINDOW // 2
    for row, col in sorted(seen):
        around = [(row + i, col + j) for i in range(-half, half + 1) for j in range(-half, half + 1)]
        if all(place in seen for place in around):
            values += [slow_ssim(frames[1, ..., k], before[..., k], row, col) for k in range(3)]
    assert 60 < len(values) < 3 * len(seen)
    assert psnr_aligned(frames, judge).value == pytest.approx(10 * math.log10(255**2 / np.mean(squares)))
    assert ssim_aligned(frames, judge).value == pytest.approx(np.mean(values))


def test_colours_between_pixels_are_interpolated_bilinearly():
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    frame[5, 7], frame[5, 8], frame[6, 7] = 100, 200, 40
    warped, seen = align(frame, Flow(np.array([[2, 3]], np.int32), np.array([[5.25, 7.5]])))
    assert warped[2, 3] == pytest.approx(0.75 * 150 + 0.25 * 20)
    assert seen.sum() == 1
    assert warped.sum() == pytest.approx(3 * warped[2, 3, 0])


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), frames=st.integers(2, 4))
def test_identical_frames_get_perfect_scores(seed, frames):
    still = np.repeat(pictures(seed, 1), frames, axis=0)
    judge = a_judge(block(), block(), frames)
    assert ssim_aligned(still, judge).value == pytest.approx(1)
    assert psnr_aligned(still, judge).value == pytest.approx(CEILING)
    assert flicker(still).value == 0
    assert background_flicker(still, np.zeros(still.shape[:3], bool)).value == 0


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), little=st.floats(2, 10), factor=st.floats(2, 6))
def test_more_noise_scores_worse(seed, little, factor):
    rng, judge = np.random.default_rng(seed), a_judge(block(), block())
    first = pictures(seed, 1)[0] * 0.4 + 75  # room for the noise, so that nothing is cut at 0 or 255
    noise = rng.normal(0, little, first.shape)
    scores = []
    for size in (0.0, 1.0, factor):
        frames = np.stack([first, first + size * noise]).round().astype(np.uint8)
        assume(frames.min() > 0)
        assume(frames.max() < 255)
        scores.append([psnr_aligned(frames, judge).value, ssim_aligned(frames, judge).value, -flicker(frames).value])
    assert scores[0] > scores[1] > scores[2]
    for column in zip(*scores, strict=True):
        assert column[0] > column[1] > column[2]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), order=st.permutations([0, 1, 2]), turn=st.booleans())
def test_channel_order_and_time_direction_do_not_matter_if_nothing_moves(seed, order, turn):
    frames, judge = pictures(seed, 3), a_judge(block(), block(), 3)
    other = frames[..., order][:: -1 if turn else 1]
    for metric in (psnr_aligned, ssim_aligned):
        assert metric(other, judge).value == pytest.approx(metric(frames, judge).value)
    assert flicker(other).value == pytest.approx(flicker(frames).value)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_scores_stay_within_their_ranges(seed):
    frames = np.random.default_rng(seed).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    judge = a_judge(block(), block())
    assert -1 <= ssim_aligned(frames, judge).value <= 1
    assert 0 <= psnr_aligned(frames, judge).value <= CEILING
    assert 0 <= flicker(frames).value <= 255


def test_black_against_white_gets_the_worst_scores():
    frames = np.stack([np.zeros((SIDE, SIDE, 3), np.uint8), np.full((SIDE, SIDE, 3), 255, np.uint8)])
    judge = a_judge(block(), block())
    assert psnr_aligned(frames, judge).value == 0
    assert ssim_aligned(frames, judge).value < 0.001
    assert flicker(frames).value == 255


def test_only_visible_pixels_of_the_figure_count():
    frames, judge = pictures(5), a_judge(block(), block())
    other = np.random.default_rng(6).integers(0, 256, frames.shape, dtype=np.uint8)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[tuple(block().T)] = True
    other[:, inside] = frames[:, inside]
    assert psnr_aligned(other, judge) == psnr_aligned(frames, judge)
    assert ssim_aligned(other, judge).value == pytest.approx(ssim_aligned(frames, judge).value)


def test_a_figure_without_a_full_window_has_no_ssim_and_an_invisible_one_has_no_score():
    thin = a_judge(block(right=6 + WINDOW - 1), block(right=6 + WINDOW - 1))
    score = ssim_aligned(pictures(7), thin)
    assert score.value is None
    assert "no window of 7x7" in score.reason
    assert psnr_aligned(pictures(7), thin).value > 0
    unseen = a_judge([], [])
    assert psnr_aligned(pictures(7), unseen).reason.startswith("no point of the figure is seen")


@pytest.mark.parametrize("metric", [psnr_aligned, ssim_aligned])
def test_frames_of_another_size_or_number_are_refused(metric):
    for frames in (pictures(9, side=20), pictures(9, frames=3), pictures(9).astype(float)):
        with pytest.raises(ShapeError, match=rf"{metric.__name__}: expected frames \(2, 24, 24, 3\) uint8"):
            metric(frames, a_judge(block(), block()))
