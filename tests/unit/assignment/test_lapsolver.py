import importlib.util
import sys

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from latentman.assignment.lapsolver import solve_lapsolver
from latentman.assignment.solvers import match
from latentman.errors import MissingExtraError

needs_lapsolver = pytest.mark.skipif(importlib.util.find_spec("lapsolver") is None, reason="lapsolver is not installed")


@needs_lapsolver
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 30), (25, 25), (20, 70)])
@pytest.mark.parametrize("digits", [0, 12])
def test_cost_is_the_least(n, m, digits):
    rng = np.random.default_rng(n * 100 + m)
    small, large = rng.uniform(0, 9, (n, 3)).round(digits), rng.uniform(0, 9, (m, 3)).round(digits)
    column, duals = solve_lapsolver(small, large)
    cost = cdist(small, large)
    assert column.dtype == np.int64
    assert len(set(column.tolist())) == n
    assert cost[np.arange(n), column].sum() == pytest.approx(cost[linear_sum_assignment(cost)].sum(), abs=1e-8)
    assert duals is None


@needs_lapsolver
def test_an_empty_side_gives_an_empty_integer_array():
    column, _ = solve_lapsolver(np.zeros((0, 3)), np.zeros((4, 3)))
    assert column.shape == (0,)
    assert column.dtype == np.int64


def test_without_its_package_the_message_explains_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lapsolver", None)
    with pytest.raises(MissingExtraError, match=r"pip install lapsolver.*current pybind11.*solver=auto"):
        solve_lapsolver(np.zeros((2, 3)), np.zeros((2, 3)))


def test_without_its_package_lapsolver_explains_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lapsolver", None)
    with pytest.raises(MissingExtraError, match=r"lapsolver.*pybind11.*solver=auto"):
        match(np.zeros((2, 3)), np.zeros((2, 3)), "lapsolver")
