import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentman.assignment.mutual_nn import mutual_nn
from latentman.assignment.nearest import nearest

grid = hnp.arrays(np.float64, st.tuples(st.integers(1, 25), st.just(3)), elements=st.sampled_from([0.0, 1.0, 2.0]))
generic = hnp.arrays(np.float64, st.tuples(st.integers(1, 25), st.just(3)), elements=st.floats(-300, 300, width=32))


def all_distances(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(axis=-1))


@settings(deadline=None, max_examples=150)
@given(x=grid | generic, y=grid | generic)
def test_exactly_the_pairs_that_choose_each_other_are_matched(x, y):
    small, large = sorted((x, y), key=len)
    distance = all_distances(small, large)
    forth, back = distance.argmin(axis=1), distance.argmin(axis=0)  # the lowest index among ties
    column, duals = mutual_nn(small, large)
    assert column.dtype == np.int64
    assert column.tolist() == [int(j) if back[j] == i else -1 for i, j in enumerate(forth)]
    assert duals is None


def test_one_of_several_equal_points_is_matched():
    assert mutual_nn(np.ones((3, 3)), np.ones((4, 3)))[0].tolist() == [0, -1, -1]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 4), (2, 0)])
def test_an_empty_side_matches_nothing(n, m):
    column, _ = mutual_nn(np.zeros((n, 3)), np.zeros((m, 3)))
    assert column.tolist() == [-1] * n
    assert column.dtype == np.int64


@settings(deadline=None, max_examples=100)
@given(x=grid | generic, y=grid | generic, count=st.integers(0, 30))
def test_the_nearest_points_equal_a_stable_sort(x, y, count):
    expected = np.argsort(all_distances(x, y), axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(nearest(x, y, count), expected)
