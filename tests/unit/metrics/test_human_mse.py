import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.errors import ShapeError
from latentman.metrics.human_mse import human_mse, human_mse_official_uint8
from latentman.types import Correspondence
from tests.factories.maps import random_map


def literal(frames, found, wrap=False):
    """Eq. 9 with plain loops, on integers."""
    step, means = frames.shape[1] // found.size, []
    for i in range(1, len(found.pairs)):
        total, count = 0, 0
        for q, s in zip(*found.pairs[i], strict=True):
            for channel in range(3):
                a = int(frames[i, q[0] * step, q[1] * step, channel])
                b = int(frames[found.source_frame(i), s[0] * step, s[1] * step, channel])
                total += ((a - b) % 256) ** 2 % 256 if wrap else (a - b) ** 2
                count += 1
        means.append(total / count)
    return sum(means) / len(means), means


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), reference=st.sampled_from(["prev", "prev_new", "first"]), step=st.integers(1, 2))
def test_scores_equal_the_literal_sums(seed, reference, step):
    found = random_map(seed, reference=reference)
    frames = np.random.default_rng(seed).integers(0, 256, (4, 6 * step, 6 * step, 3), dtype=np.uint8)
    for metric, wrap in ((human_mse, False), (human_mse_official_uint8, True)):
        value, means = literal(frames, found, wrap)
        score = metric(frames, found)
        assert score.value == pytest.approx(value)
        assert score.per_pair == pytest.approx(means)


def test_a_hand_computed_example():
    pixel = np.array([[0, 0], [1, 1]], np.int32)
    empty = np.empty((0, 2), np.int32)
    found = Correspondence(((empty, empty), (pixel, pixel[::-1].copy())), 2, "prev", np.zeros(2), np.zeros(2, int))
    frames = np.zeros((2, 2, 2, 3), np.uint8)
    frames[0, 1, 1] = [10, 20, 30]  # the pixel with which pixel (0, 0) of frame 1 is compared
    frames[1, 0, 0] = [13, 20, 26]  # off by 3, 0 and -4
    frames[1, 1, 1] = [5, 0, 20]  # against black: 25 + 0 + 400
    assert human_mse(frames, found).value == pytest.approx((9 + 0 + 16 + 25 + 0 + 400) / 6)
    assert human_mse_official_uint8(frames, found).value == pytest.approx((9 + 0 + 16 + 25 + 0 + 400 % 256) / 6)


def test_a_character_of_constant_colours_scores_zero_whatever_the_background_does():
    found = random_map(1)
    frames = np.random.default_rng(1).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
    touched = np.zeros((4, 6, 6), bool)
    for i, (target, source) in enumerate(found.pairs):
        touched[i][tuple(target.T)] = True
        touched[found.source_frame(i)][tuple(source.T)] = True
    frames[touched] = [120, 30, 77]
    assert human_mse(frames, found).value == 0
    assert human_mse_official_uint8(frames, found).value == 0
    other = frames.copy()
    other[~touched] = 255 - other[~touched]
    other[touched] = frames[touched] + np.random.default_rng(2).integers(0, 9, (touched.sum(), 3), dtype=np.uint8)
    again = other.copy()
    again[~touched] = 0
    assert human_mse(other, found) == human_mse(again, found)


def test_eight_bit_arithmetic_saturates_where_the_true_error_does_not():
    found = random_map(3, frames=2, size=200, matches=40_000)
    frames = np.random.default_rng(3).integers(0, 256, (2, 200, 200, 3), dtype=np.uint8)
    assert human_mse_official_uint8(frames, found).value == pytest.approx(105.5, abs=1.0)
    assert human_mse(frames, found).value == pytest.approx((256**2 - 1) / 6, rel=0.01)  # two uniform draws


def test_pairs_without_matches_are_left_out_of_the_mean():
    found = random_map(4, frames=3)
    empty = np.empty((0, 2), np.int32)
    broken = Correspondence((*found.pairs[:2], (empty, empty)), 6, "prev", np.zeros(3), np.zeros(3, int))
    frames = np.random.default_rng(4).integers(0, 256, (3, 6, 6, 3), dtype=np.uint8)
    score = human_mse(frames, broken)
    assert score.per_pair == (pytest.approx(human_mse(frames, found).per_pair[0]), None)
    assert score.value == score.per_pair[0]


@pytest.mark.parametrize("metric", [human_mse, human_mse_official_uint8])
def test_without_any_match_there_is_no_score_but_a_reason(metric):
    empty = np.empty((0, 2), np.int32)
    found = Correspondence(((empty, empty),) * 3, 6, "prev", np.zeros(3), np.zeros(3, int))
    score = metric(np.zeros((3, 6, 6, 3), np.uint8), found)
    assert score.value is None
    assert "matched pixels" in score.reason
    assert score.per_pair == (None, None)


@pytest.mark.parametrize(
    "frames", [np.zeros((3, 6, 6, 3), np.uint8), np.zeros((4, 6, 6, 3)), np.zeros((4, 6, 6), np.uint8)]
)
def test_frames_that_do_not_fit_the_map_are_refused(frames):
    with pytest.raises(ShapeError, match=r"human_mse: expected frames \(4, H, W, 3\) uint8"):
        human_mse(frames, random_map(5))


def test_a_grid_that_does_not_divide_the_frames_is_refused():
    with pytest.raises(ShapeError, match="grid of 6 does not divide"):
        human_mse(np.zeros((4, 8, 8, 3), np.uint8), random_map(5))
