import sys

import numpy as np
import pytest

from latentman.assignment.solvers import match
from latentman.errors import DataError, MissingExtraError


def test_without_its_package_lapjv_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lapjv", None)
    with pytest.raises(MissingExtraError, match=r"pip install latentman\[lap\].*solver=auto"):
        match(np.zeros((2, 3)), np.zeros((2, 3)), "lapjv")


@pytest.mark.parametrize("solver", ["scipy", "lapjv", "lapsolver"])
def test_more_pairs_than_a_matrix_can_hold_are_refused_with_an_alternative(solver):
    x = np.zeros((46_400, 3))
    with pytest.raises(DataError, match=rf"solver={solver}: 46400 x 46400 .*2\*\*31 pairs.*solver=certified"):
        match(x, x, solver)
