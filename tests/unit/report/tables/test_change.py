"""The change against the baseline and its interval, against resampling written out."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.report.tables.change import (
    MIN_PROMPTS,
    MOST_FLIPPED,
    bootstrap_interval,
    change_of,
    mean_interval,
    sign_flip_p,
)

scores = st.lists(st.tuples(st.floats(1, 1e4), st.floats(1, 1e4)), min_size=MIN_PROMPTS, max_size=12)


def runs(values, metric="human_mse_mesh"):
    return pd.DataFrame([{"prompt": p, "seed": s, metric: v} for (p, s), v in values.items()])


def resampled_by_hand(mine, theirs, prompts, draws, seed):
    """Draw prompts, collect all their runs in two lists, compare the means of the lists."""
    names = list(dict.fromkeys(prompts))
    changes = []
    for drawn in np.random.default_rng(seed).integers(len(names), size=(draws, len(names))):
        chosen = [k for name in drawn for k in range(len(prompts)) if prompts[k] == names[name]]
        changes.append(100 * (np.mean([mine[k] for k in chosen]) / np.mean([theirs[k] for k in chosen]) - 1))
    return np.percentile(changes, 2.5), np.percentile(changes, 97.5)


def test_the_interval_comes_from_prompts_resampled_with_all_their_seeds():
    rng = np.random.default_rng(3)
    prompts = [p for p in "abcdefg" for _ in range(3)][:-2]  # the last prompt has one seed only
    theirs = rng.uniform(50, 100, len(prompts))
    mine = theirs * rng.uniform(0.5, 0.9, len(prompts))
    expected = resampled_by_hand(mine, theirs, prompts, draws=400, seed=7)
    assert bootstrap_interval(mine, theirs, prompts, draws=400, seed=7) == pytest.approx(expected)


@given(scores, st.floats(0.1, 3))
def test_a_common_factor_is_certain(pairs, factor):
    theirs = np.array([b for _, b in pairs])
    interval = bootstrap_interval(factor * theirs, theirs, range(len(pairs)), draws=50)
    assert interval == pytest.approx((100 * (factor - 1),) * 2, abs=1e-6)


@given(scores)
def test_the_interval_is_within_the_smallest_and_the_largest_change_of_a_prompt(pairs):
    mine, theirs = np.array(pairs).T
    low, high = bootstrap_interval(mine, theirs, range(len(pairs)), draws=50)
    changes = 100 * (mine / theirs - 1)
    assert changes.min() - 1e-6 <= low <= high <= changes.max() + 1e-6


def test_the_interval_of_many_similar_prompts_agrees_with_the_normal_approximation():
    rng = np.random.default_rng(0)
    mine = rng.normal(80, 10, 400)
    low, high = bootstrap_interval(mine, np.full(400, 100.0), range(400))
    half = 1.96 * mine.std() / 20
    assert (low, high) == pytest.approx((mine.mean() - 100 - half, mine.mean() - 100 + half), abs=0.1)


def test_seeds_of_one_prompt_do_not_narrow_the_interval():
    mine, theirs = np.array([1.0, 2, 3, 4, 5]), np.full(5, 4.0)
    once = bootstrap_interval(mine, theirs, range(5))
    assert bootstrap_interval(np.repeat(mine, 3), np.repeat(theirs, 3), np.repeat(range(5), 3).tolist()) == once


def test_too_few_prompts_or_an_empty_baseline_have_no_interval():
    assert bootstrap_interval(np.ones(4), np.ones(4), "abcd") is None
    assert bootstrap_interval(np.ones(12), np.ones(12), "abcd" * 3) is None
    assert bootstrap_interval(np.ones(5), np.zeros(5), "abcde") is None


def test_only_common_prompts_and_seeds_are_compared():
    baseline = runs({("a", 1): 10.0, ("b", 1): 20.0, ("c", 1): 1000.0})
    change = change_of(runs({("a", 1): 5.0, ("b", 1): 10.0, ("b", 2): 7.0}), baseline, "human_mse_mesh")
    assert change.percent == pytest.approx(-50.0)
    assert change.interval is None


@pytest.mark.parametrize(
    "baseline",
    [None, runs({("z", 1): 1.0}), runs({("a", 1): 0.0}), runs({("a", 1): None}), runs({("a", 1): 1.0}, "human_mse")],
    ids=["no baseline", "nothing in common", "zero", "no value", "no such metric"],
)
def test_runs_that_cannot_be_compared_have_no_change(baseline):
    assert change_of(runs({("a", 1): 5.0}), baseline, "human_mse_mesh") is None


def flipped_by_hand(mine, theirs, prompts):
    """Turn the sign of every combination of prompts, run by run, and count what is as far from zero."""
    names = list(dict.fromkeys(prompts))
    found = abs(sum(a - b for a, b in zip(mine, theirs, strict=True)))
    sums = []
    for signs in itertools.product((1, -1), repeat=len(names)):
        sign = dict(zip(names, signs, strict=True))
        sums.append(abs(sum(sign[p] * (a - b) for p, a, b in zip(prompts, mine, theirs, strict=True))))
    return sum(value >= found - 1e-7 * (1 + found) for value in sums) / len(sums)


def test_the_p_value_is_the_share_of_signs_with_at_least_the_observed_sum():
    rng = np.random.default_rng(5)
    prompts = [p for p in "abcdefg" for _ in range(3)][:-2]
    theirs = rng.uniform(50, 100, len(prompts))
    for shift in (0.0, 5.0, 30.0):
        mine = theirs + rng.normal(-shift, 10, len(prompts))
        assert sign_flip_p(mine, theirs, prompts) == pytest.approx(flipped_by_hand(mine, theirs, prompts))


def test_ten_prompts_that_all_fall_have_the_smallest_possible_p_value():
    theirs = np.arange(10.0, 20.0)
    assert sign_flip_p(theirs - 1, theirs, range(10)) == 2 / 2**10
    assert sign_flip_p(theirs + 1, theirs, range(10)) == 2 / 2**10
    assert sign_flip_p(theirs, theirs, range(10)) == 1.0


def test_random_signs_of_many_prompts_agree_with_all_signs():
    rng = np.random.default_rng(1)
    theirs = rng.uniform(50, 100, MOST_FLIPPED + 1)
    mine = theirs - rng.normal(4, 12, len(theirs))
    exact = flipped_by_hand(mine, theirs, list(range(len(theirs))))
    assert sign_flip_p(mine, theirs, range(len(theirs))) == pytest.approx(exact, abs=0.02)
    assert sign_flip_p(theirs - 50, theirs, range(len(theirs))) == pytest.approx(1 / 10_001, abs=4 / 10_001)


def test_without_a_difference_small_p_values_are_as_rare_as_they_claim():
    rng = np.random.default_rng(0)
    small = [sign_flip_p(rng.normal(size=8), rng.normal(size=8), range(8)) < 0.05 for _ in range(400)]
    assert np.mean(small) == pytest.approx(0.05, abs=0.03)


def test_few_prompts_have_no_p_value_however_many_seeds():
    assert sign_flip_p(np.ones(12), np.zeros(12), "abcd" * 3) is None
    assert mean_interval(np.ones(12), "abcd" * 3) is None


def test_the_interval_of_a_mean_is_over_prompts_and_not_narrowed_by_seeds():
    values = np.random.default_rng(0).normal(80, 10, 400)
    low, high = mean_interval(values, range(400))
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1)
    few = values[:6]
    assert mean_interval(np.repeat(few, 3), np.repeat(range(6), 3).tolist()) == pytest.approx(
        mean_interval(few, range(6))
    )
