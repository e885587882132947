"""The change against the baseline and its interval, against resampling written out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.report.change import MIN_PROMPTS, bootstrap_interval, change_of

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


def test_the_interval_is_that_of_prompts_resampled_with_all_their_seeds():
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
def test_the_interval_lies_between_the_least_and_the_greatest_change_of_a_prompt(pairs):
    mine, theirs = np.array(pairs).T
    low, high = bootstrap_interval(mine, theirs, range(len(pairs)), draws=50)
    changes = 100 * (mine / theirs - 1)
    assert changes.min() - 1e-6 <= low <= high <= changes.max() + 1e-6


def test_the_interval_of_many_alike_prompts_is_that_of_the_normal_approximation():
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
def test_what_cannot_be_compared_has_no_change(baseline):
    assert change_of(runs({("a", 1): 5.0}), baseline, "human_mse_mesh") is None
