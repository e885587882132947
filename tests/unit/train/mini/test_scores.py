"""The evaluation's scores, against slow references and known cases."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from latentman.train.mini.scores import frechet_distance, mask_iou, mean, psnr, share


def slow_frechet(first: np.ndarray, second: np.ndarray) -> float:
    """The literal formula, with the matrix square root of the product itself."""
    mean1, mean2 = first.mean(0), second.mean(0)
    cov1, cov2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    return float(((mean1 - mean2) ** 2).sum() + np.trace(cov1 + cov2 - 2 * sqrtm(cov1 @ cov2).real))


def test_the_frechet_distance_equals_the_formula() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(200, 5)), rng.normal(0.4, 1.7, (150, 5)) @ rng.normal(size=(5, 5))
    assert frechet_distance(first, second) == pytest.approx(slow_frechet(first, second), rel=1e-6)


def test_equal_sets_have_distance_zero_even_with_fewer_examples_than_features() -> None:
    features = np.random.default_rng(1).normal(size=(12, 40))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_a_shift_adds_its_squared_length(shift: list[float], seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(60, 4))
    moved = frechet_distance(features, features + np.array(shift))
    assert moved == pytest.approx(float((np.array(shift) ** 2).sum()), abs=1e-6)


def test_the_distance_is_symmetric() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(80, 6)), rng.normal(1, 2, (90, 6))
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-9)


def test_psnr_equals_its_definition_and_is_limited_to_100() -> None:
    rng = np.random.default_rng(3)
    first = torch.from_numpy(rng.integers(0, 256, (2, 3, 8, 8), dtype=np.uint8))
    second = first.clone()
    second[1] = torch.from_numpy(rng.integers(0, 256, (3, 8, 8), dtype=np.uint8))
    error = ((first[1].numpy().astype(float) - second[1].numpy()) ** 2).mean()
    assert psnr(first, second) == pytest.approx([100.0, 20 * np.log10(255) - 10 * np.log10(error)])


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1))
@settings(max_examples=60, deadline=None)
def test_iou_is_intersection_over_union(first: int, second: int) -> None:
    masks = [torch.tensor([bool(bits >> k & 1) for k in range(16)]).reshape(1, 4, 4) for bits in (first, second)]
    cells = [{k for k in range(16) if bits >> k & 1} for bits in (first, second)]
    either = cells[0] | cells[1]
    expected = len(cells[0] & cells[1]) / len(either) if either else 1.0
    assert mask_iou(*masks) == pytest.approx([expected])


def test_the_interval_of_a_share_is_wilsons_interval() -> None:
    # 9 of 10, computed by hand from Wilson's formula with z = 1.96
    score = share(np.array([True] * 9 + [False]))
    assert (score.value, score.low, score.high) == pytest.approx((0.9, 0.5958, 0.9821), abs=2e-4)
    assert score.number == 10


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_interval_of_a_share_contains_it_and_is_between_0_and_1(right: list[bool]) -> None:
    score = share(np.array(right))
    assert score.value is not None
    assert score.low is not None
    assert score.high is not None
    assert 0 <= score.low <= score.value + 1e-12
    assert score.value - 1e-12 <= score.high <= 1


def test_without_pictures_there_is_no_score() -> None:
    assert share(np.array([], dtype=bool)).value is None
    assert mean(np.array([])).value is None
    assert mean(np.array([2.0])).low is None
