"""Krippendorff's alpha against his own worked examples and against a slow count of pairs."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.study.agreement import krippendorff_alpha

# K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), sections A and C.
BINARY = [(0, 1), (1, 1), (0, 1), (0, 0), (0, 0), (0, 1), (0, 0), (0, 0), (1, 0), (0, 0)]
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def slow_alpha(units):
    """D_o and D_e by going through every ordered pair of values."""
    units = [list(unit) for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    observed = sum(sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units) / len(values)
    expected = sum(a != b for a, b in permutations(values, 2)) / (len(values) * (len(values) - 1))
    return 1 - observed / expected


def test_two_observers_of_ten_units():
    assert krippendorff_alpha(BINARY) == pytest.approx(0.095, abs=5e-4)


def test_four_observers_with_gaps():
    units = [[v for v in unit if v is not None] for unit in zip(*OBSERVERS, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


@given(st.lists(st.lists(st.integers(0, 2), max_size=6), max_size=8))
def test_any_units_give_what_the_slow_count_gives(units):
    values = {value for unit in units if len(unit) > 1 for value in unit}
    found = krippendorff_alpha(units)
    assert found is None if len(values) < 2 else found == pytest.approx(slow_alpha(units))


def test_full_agreement_is_one_and_disagreement_is_below_zero():
    assert krippendorff_alpha([[True] * 4, [False] * 4]) == 1
    assert krippendorff_alpha([[True, False]] * 4) < 0


def test_without_variation_nothing_is_said():
    assert krippendorff_alpha([[True, True]] * 5) is None
    assert krippendorff_alpha([[True], [False]]) is None
    assert krippendorff_alpha([]) is None
