import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from latentman.assignment.certificate import dual_bound, optimality_gap
from latentman.assignment.solvers import match
from latentman.errors import DataError
from tests.factories.solvers import PROVING, points


@pytest.mark.parametrize(("n", "m"), [(20, 33), (33, 20), (25, 25)])
@pytest.mark.parametrize("solver", PROVING)
def test_dual_values_are_feasible_and_tight_on_the_pairs(solver, n, m):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    found = match(x, y, solver)
    slack = cdist(x, y) - found.u[:, None] - found.v[None, :]
    assert slack.min() >= -1e-12
    assert np.abs(slack[found.row, found.col]).max() <= 1e-12
    larger, used = (found.v, found.col) if n <= m else (found.u, found.row)
    if n != m:
        assert larger.max() <= 1e-12
        assert np.abs(np.delete(larger, used)).max() <= 1e-12


@pytest.mark.parametrize("solver", PROVING)
def test_the_gap_grows_by_exactly_the_cost_of_a_wrong_swap(solver):
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0, 50, (40, 3)), rng.uniform(0, 50, (60, 3))
    found = match(x, y, solver, certify=True)
    swapped = found.col.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    cost = cdist(x, y)
    change = cost[found.row, swapped].sum() - cost[found.row, found.col].sum()
    assert change > 1e-3
    assert optimality_gap(x, y, found.row, swapped, found.v) == pytest.approx(found.gap + change)


@pytest.mark.parametrize("shift", [30.0, -30.0])
@pytest.mark.parametrize("solver", PROVING)
def test_the_gap_opens_when_a_dual_value_is_wrong(solver, shift):
    rng = np.random.default_rng(6)
    x, y = rng.uniform(0, 50, (40, 3)), rng.uniform(0, 50, (60, 3))
    found = match(x, y, solver)
    wrong = found.v.copy()
    wrong[found.col[np.argmin(found.v[found.col])]] += shift
    assert optimality_gap(x, y, found.row, found.col, wrong) > 1e-3


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_potential_gives_a_true_lower_bound(data):
    x, y = data.draw(points), data.draw(points)
    small, large = (x, y) if len(x) <= len(y) else (y, x)
    potential = data.draw(hnp.arrays(np.float64, len(large), elements=st.floats(-100, 100)))
    assert dual_bound(small, large, potential) <= match(x, y, "scipy").cost + 1e-6


def test_pairs_that_use_a_point_twice_are_refused():
    x = np.zeros((3, 3))
    with pytest.raises(DataError, match="are not a matching of 3 distinct rows"):
        optimality_gap(x, x, np.arange(3), np.array([0, 1, 1]), np.zeros(3))
