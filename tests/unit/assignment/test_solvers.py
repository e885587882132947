import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from latentman.assignment.certified import is_compiled
from latentman.assignment.solvers import SMALL_PAIRS, SOLVERS, match
from latentman.errors import ConfigError, DataError, ShapeError
from tests.factories.solvers import AVAILABLE, PROVING, points

EXACT = [name for name, there in AVAILABLE.items() if there]
COMPLETE = [*EXACT, "greedy"]


def test_every_solver_is_exact_or_a_preview():
    assert set(SOLVERS) == {*AVAILABLE, "greedy", "mutual_nn"}


def cheapest(x, y):
    """The optimum by trying every injection."""
    if len(x) > len(y):
        x, y = y, x
    cost = cdist(x, y)
    return min(cost[range(len(x)), list(columns)].sum() for columns in itertools.permutations(range(len(y)), len(x)))


def kinds(rng, n, m):
    """Inputs of different kinds, from generic to fully degenerate."""
    x, y = rng.uniform(0, 255, (n, 3)), rng.uniform(0, 255, (m, 3))
    line = np.array([1.0, 2.0, -1.0])
    yield "random", x, y
    yield "integers", np.round(x / 32), np.round(y / 32)
    yield "integers and an offset", np.round(x / 32), np.round(y / 32) + 0.37
    yield "collinear", x[:, :1] * line, y[:, :1] * line
    yield "collinear integers", np.round(x[:, :1] / 16) * line, np.round(y[:, :1] / 16) * line
    yield "all equal", np.ones((n, 3)), np.ones((m, 3))
    yield "duplicates", x[rng.integers(0, n, n)], y[rng.integers(0, m, m)]


@pytest.mark.parametrize("solver", EXACT)
def test_the_cost_is_the_least_of_all_injections(solver):
    rng = np.random.default_rng(0)
    for n, m in itertools.product(range(1, 6), range(1, 7)):
        for kind, x, y in kinds(rng, n, m):
            assert match(x, y, solver).cost == pytest.approx(cheapest(x, y), abs=1e-9), (kind, n, m)


@pytest.mark.parametrize(
    ("n", "m"), [(1, 1), (1, 40), (40, 1), (37, 37), (30, 77), (77, 30), (120, 121), (260, 260), (300, 410)]
)
@pytest.mark.parametrize("solver", PROVING)
def test_solvers_agree_on_the_cost_and_prove_it(solver, n, m):
    if solver == "lapjv" and n > 200:
        pytest.skip("lapjv in float64 runs for minutes on equal features")
    rng = np.random.default_rng(n * 1000 + m)
    for kind, x, y in kinds(rng, n, m):
        expected = match(x, y, "scipy").cost
        found = match(x, y, solver, certify=True)
        assert found.cost == pytest.approx(expected, rel=1e-9, abs=1e-9), kind
        assert abs(found.gap) <= 1e-9 * (1 + expected), kind


@settings(deadline=None, max_examples=60)
@given(x=points, y=points, solver=st.sampled_from(COMPLETE))
def test_a_matching_is_injective_complete_ascending_and_has_the_right_cost(x, y, solver):
    found = match(x, y, solver)
    size = min(len(x), len(y))
    assert len(found.row) == len(found.col) == len(set(found.col.tolist())) == size
    assert (np.diff(found.row) > 0).all()
    assert found.row.dtype == found.col.dtype == np.int64
    assert found.cost == pytest.approx(
        sum(np.linalg.norm(x[i] - y[j]) for i, j in zip(found.row, found.col, strict=True))
    )


@settings(deadline=None, max_examples=40)
@given(data=st.data(), solver=st.sampled_from(EXACT))
def test_cost_ignores_order_sides_and_position_and_scales_with_the_features(data, solver):
    x, y = data.draw(points), data.draw(points)
    rng = np.random.default_rng(len(x) * 10 + len(y))
    cost = match(x, y, solver).cost
    shuffled = match(rng.permutation(x), rng.permutation(y), solver).cost
    for other in (
        shuffled,
        match(y, x, solver).cost,
        match(x + 40.0, y + 40.0, solver).cost,
        match(4 * x, 4 * y, solver).cost / 4,
    ):
        assert other == pytest.approx(cost, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("solver", [*COMPLETE, "mutual_nn"])
@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_an_empty_side_gives_empty_integer_arrays(solver, n, m):
    found = match(np.zeros((n, 3)), np.zeros((m, 3)), solver)
    assert found.row.shape == found.col.shape == (0,)
    assert found.row.dtype == found.col.dtype == np.int64
    assert found.cost == 0.0


@pytest.mark.parametrize("solver", [*COMPLETE, "mutual_nn"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused_by_name(solver, value):
    bad = np.zeros((4, 3))
    bad[2, 1] = value
    with pytest.raises(DataError, match=r"Y\[2\].*not finite"):
        match(np.zeros((4, 3)), bad, solver)
    with pytest.raises(DataError, match=r"X\[2\].*not finite"):
        match(bad, np.zeros((4, 3)), solver)


def test_points_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"X must hold .* got \(4, 2\)"):
        match(np.zeros((4, 2)), np.zeros((4, 3)))


def test_an_unknown_solver_is_refused_with_the_choices():
    with pytest.raises(
        ConfigError,
        match=r"solver='scypi'.*auto, certified, greedy, lapjv, lapsolver, mutual_nn, scipy.*did you mean 'scipy'",
    ):
        match(np.zeros((1, 3)), np.zeros((1, 3)), "scypi")


def test_a_solver_without_dual_values_gives_no_gap():
    found = match(np.zeros((2, 3)), np.ones((3, 3)), "scipy", certify=True)
    assert found.u is found.v is found.gap is None


def test_previews_are_marked_as_not_exact():
    x = np.zeros((2, 3))
    assert not match(x, x, "greedy").exact
    assert not match(x, x, "mutual_nn").exact
    assert match(x, x, "auto").exact


@pytest.mark.skipif(not is_compiled(), reason="the certified solver is not compiled")
def test_auto_proves_its_result_on_request_and_otherwise_uses_scipy_for_small_parts():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (40, 3))
    assert match(x, x, "auto").solver == "scipy"
    assert match(x, x, "auto", certify=True).solver == "certified"
    large = rng.uniform(0, 255, (int(SMALL_PAIRS**0.5) + 1, 3))
    assert match(large, large, "auto").solver == "certified"
