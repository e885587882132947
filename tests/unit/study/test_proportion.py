"""Intervals and the test of an even chance, against their equations and slow sums."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.study.proportion import MIN_CLUSTERS, binomial_test, cluster_bootstrap, wilson_interval

counts = st.integers(1, 400).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@given(counts)
def test_wilson_is_the_published_formula(count):
    successes, total = count
    share, z2 = successes / total, 1.959963984540054**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = np.sqrt(z2) / (1 + z2 / total) * np.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    expected = (max(0.0, middle - half), min(1.0, middle + half))
    assert wilson_interval(*count) == pytest.approx(expected, abs=1e-12)


@given(counts)
def test_wilson_solves_its_equation(count):
    successes, total = count
    for end in wilson_interval(*count):
        if 0 < end < 1:  # the ends are where the score test just rejects
            assert abs(successes / total - end) / np.sqrt(end * (1 - end) / total) == pytest.approx(1.959964, abs=1e-4)


@given(counts)
def test_wilson_contains_the_share_and_mirrors(count):
    successes, total = count
    low, high = wilson_interval(*count)
    assert 0 <= low <= successes / total <= high <= 1
    assert wilson_interval(total - successes, total) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts)
def test_binomial_is_twice_the_smaller_tail(count):
    successes, total = count
    tail = sum(comb(total, k) for k in range(min(successes, total - successes) + 1))
    assert binomial_test(*count) == pytest.approx(float(min(Fraction(1), Fraction(2 * tail, 2**total))), rel=1e-9)


@pytest.mark.parametrize("total", range(1, 25))
def test_binomial_sums_all_outcomes_that_are_no_likelier(total):
    for successes in range(total + 1):
        slow = sum(comb(total, k) for k in range(total + 1) if comb(total, k) <= comb(total, successes)) / 2**total
        assert binomial_test(successes, total) == pytest.approx(slow, rel=1e-12)


@pytest.mark.slow
def test_large_counts_are_exact_too():
    assert binomial_test(2600, 5000) == pytest.approx(2 * sum(comb(5000, k) for k in range(2401)) / 2**5000, rel=1e-9)


def test_no_answers_give_no_interval():
    assert wilson_interval(0, 0) is None
    assert binomial_test(0, 0) is None


@pytest.mark.parametrize("count", [(-1, 3), (4, 3), (1, 0)])
def test_impossible_counts_are_refused(count):
    for function in (wilson_interval, binomial_test):
        with pytest.raises(ValueError, match="not a proportion"):
            function(*count)


def test_the_bootstrap_of_alike_participants_is_a_point():
    assert cluster_bootstrap([(7, 10)] * 8) == pytest.approx((0.7, 0.7))


def test_the_bootstrap_is_wider_than_wilson_when_people_differ():
    people = [(10, 10)] * 6 + [(0, 10)] * 6
    low, high = cluster_bootstrap(people)
    wilson = wilson_interval(60, 120)
    assert high - low > 2 * (wilson[1] - wilson[0])
    assert low < 0.5 < high


def test_the_bootstrap_agrees_with_a_loop():
    people = [(3, 10), (9, 10), (6, 8), (5, 10), (10, 10), (7, 10)]
    rng = np.random.default_rng(99)
    shares = []
    for _ in range(4000):
        drawn = [people[i] for i in rng.integers(len(people), size=len(people))]
        shares.append(sum(k for k, _ in drawn) / sum(n for _, n in drawn))
    assert cluster_bootstrap(people) == pytest.approx(np.quantile(shares, [0.025, 0.975]), abs=0.02)


def test_the_bootstrap_wants_enough_participants():
    assert cluster_bootstrap([(3, 5)] * (MIN_CLUSTERS - 1)) is None
