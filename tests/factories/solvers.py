"""The solvers, and whether they are installed."""

import importlib.util

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentman.assignment.certified import is_compiled

AVAILABLE = {
    "auto": True,
    "certified": is_compiled(),
    "scipy": True,
    "lapjv": importlib.util.find_spec("lapjv") is not None,
    "lapsolver": importlib.util.find_spec("lapsolver") is not None,
}


PROVING = [
    pytest.param(name, marks=pytest.mark.skipif(not AVAILABLE[name], reason=f"{name} is not installed"))
    for name in ("certified", "lapjv")
]


points = hnp.arrays(np.float64, st.tuples(st.integers(0, 7), st.just(3)), elements=st.floats(-300, 300, width=32))
