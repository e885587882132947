import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentman.assignment.greedy import greedy

# Few distinct values, so that ties are common; more points than a list of candidates holds.
grid = hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=st.sampled_from([0.0, 1.0, 2.0]))
generic = hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-300, 300, width=32))


def literal(small, large):
    """All pairs by distance, row and column; each is taken if both of its points are free."""
    distance = np.sqrt(((small[:, None] - large[None]) ** 2).sum(axis=-1))
    pairs = sorted((distance[i, j], i, j) for i in range(len(small)) for j in range(len(large)))
    columns = {}
    for _, i, j in pairs:
        if i not in columns and j not in columns.values():
            columns[i] = j
    return [columns[i] for i in range(len(small))]


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(x=grid | generic, y=grid | generic)
def test_pairs_equal_sorting_all_pairs(x, y):
    small, large = sorted((x, y), key=len)
    column, duals = greedy(small, large)
    assert column.dtype == np.int64
    assert column.tolist() == literal(small, large)
    assert duals is None


@pytest.mark.parametrize(("n", "m"), [(1, 1), (120, 120), (90, 400)])
@pytest.mark.parametrize("spread", [0.0, 3.0, 255.0])
def test_pairs_equal_sorting_all_pairs_if_candidate_lists_run_out(n, m, spread):
    rng = np.random.default_rng(n)
    small = np.round(rng.uniform(0, spread, (n, 3)))
    large = np.round(rng.uniform(0, spread, (m, 3)))
    assert greedy(small, large)[0].tolist() == literal(small, large)


def test_equal_points_are_paired_in_order():
    assert greedy(np.ones((50, 3)), np.ones((80, 3)))[0].tolist() == list(range(50))
