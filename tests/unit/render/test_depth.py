import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.config import DepthConfig
from latentman.render.depth import encode_depth, smooth

ENCODINGS = ("inverse", "linear")
RANGES = ("clip", "body", "fixed")


def config(encoding="inverse", span="clip", low=0.3, high=0.9):
    return DepthConfig(encoding, span, [1.0, 6.0] if span == "fixed" else None, low, high)


def clip_of(metres):
    return np.array(metres, dtype=np.float32).reshape(1, 1, -1)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("span", RANGES)
@given(metres=st.lists(st.floats(0.25, 20, width=32), min_size=2, max_size=8))
def test_nearer_is_never_darker_and_the_figure_is_between_low_and_high(encoding, span, metres):
    grey = encode_depth(clip_of(sorted(metres)), config(encoding, span), np.array([3.0]))[0, 0]
    assert (np.diff(grey) <= 0).all()
    assert grey.min() >= np.float32(0.3)
    assert grey.max() <= np.float32(0.9)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_nearest_point_of_the_clip_is_high_and_the_farthest_low(encoding):
    grey = encode_depth(clip_of([2, 3, 4]), config(encoding), np.array([3.0]))[0, 0]
    assert grey[0] == pytest.approx(0.9)
    assert grey[2] == pytest.approx(0.3)
    middle = (1 / 3 - 1 / 4) / (1 / 2 - 1 / 4) if encoding == "inverse" else 0.5
    assert grey[1] == pytest.approx(0.3 + 0.6 * middle)


@pytest.mark.parametrize("encoding", [*ENCODINGS, "official"])
@pytest.mark.parametrize("span", RANGES)
def test_the_background_is_black_and_the_numbers_are_float32(encoding, span):
    depth = clip_of([0, 2, 0, 3])
    grey = encode_depth(depth, config(encoding, span), np.array([2.5]))
    assert grey.dtype == np.float32
    assert ((grey == 0) == (depth == 0)).all()


def test_a_fixed_point_keeps_its_grey_while_others_move():
    depth = np.zeros((5, 2, 2), dtype=np.float32)
    depth[:, 0, 0] = 3
    depth[:, 1, 1] = np.linspace(2, 5, 5)
    grey = encode_depth(depth, config(), np.full(5, 3.0))
    assert np.ptp(grey[:, 0, 0]) == 0
    assert (np.diff(grey[:, 1, 1]) < 0).all()


def test_range_body_gives_a_walking_figure_the_same_contrast_in_every_frame():
    distance = np.linspace(6, 3, 40)
    depth = np.stack([np.array([[d - 0.3, d + 0.3]]) for d in distance]).astype(np.float32)
    contrast = {}
    for span in ("body", "clip"):
        grey = encode_depth(depth, config("linear", span), distance)
        contrast[span] = (grey[:, 0, 0] - grey[:, 0, 1])[5:-5]
    assert np.allclose(contrast["body"], 0.6 * 0.6 / 2, atol=1e-5)
    assert contrast["clip"].max() < contrast["body"].min()


def test_range_body_moves_slowly_with_a_pelvis_that_jitters():
    jitter = np.random.default_rng(0).normal(3, 0.1, 60)
    grey = encode_depth(np.full((60, 1, 1), 3, np.float32), config("linear", "body"), jitter)[:, 0, 0]
    assert np.abs(np.diff(grey)).max() < 0.3 * 0.6 / 2 * np.abs(np.diff(jitter)).max()


def test_range_body_survives_a_camera_inside_the_figure():
    grey = encode_depth(clip_of([0, 0.3, 2]), config("inverse", "body"), np.array([0.1]))
    assert np.isfinite(grey).all()
    assert grey[0, 0, 1] > grey[0, 0, 2] > 0


def test_official_is_dark_when_near_and_does_not_overflow():
    grey = encode_depth(clip_of([1, 2.5, 5, 7]), config("official"), np.array([2.0]))[0, 0]
    assert np.allclose(grey, [0.2, 0.5, 1, 1])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_flat_figure_is_all_near(encoding):
    grey = encode_depth(clip_of([0, 2, 2]), config(encoding), np.array([2.0]))[0, 0]
    assert np.allclose(grey, [0, 0.9, 0.9])


@pytest.mark.parametrize("encoding", [*ENCODINGS, "official"])
@pytest.mark.parametrize("span", RANGES)
def test_a_clip_without_a_figure_is_black(encoding, span):
    grey = encode_depth(np.zeros((3, 2, 2), np.float32), config(encoding, span), np.full(3, 2.0))
    assert not grey.any()


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=30))
def test_smoothing_is_the_mean_of_neighbouring_frames(values):
    values = np.array(values)
    expected = [values[max(0, i - 4) : i + 5].mean() for i in range(len(values))]
    assert np.allclose(smooth(values), expected)
