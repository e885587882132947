"""Frame rates of files."""

from pathlib import Path

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.motion.recorded.rate import check_rate

FILE = Path("walk.npz")


@pytest.mark.parametrize("stated", [20, 20.0, np.float32(20), np.array([20.0]), np.array([[20]]), np.uint8(20), [20]])
def test_one_number_is_a_rate_however_it_is_wrapped(stated, caplog):
    assert check_rate(FILE, stated, wanted=None, usual=None) == 20.0
    assert not caplog.records


@pytest.mark.parametrize(
    "stated",
    [
        0, -20, np.nan, np.inf, 1e9, 10**400, 20 + 0j, np.complex128(20), "20", b"20", True, None.__class__, {}, [],
        [20, 20], [[1], [2, 3]], np.array(["fast"]), np.array([{}], dtype=object), 0.01,
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_not_a_rate_is_refused_with_the_file_and_the_option(stated):
    with pytest.raises(DataError, match=r"walk\.npz: its frame rate.* \(fps=x\), is not one number.*motion\.file_fps"):
        check_rate(FILE, stated, wanted=None, usual=20.0, said="fps=x")


def test_the_user_s_rate_wins_over_any(caplog):
    assert check_rate(FILE, "nonsense", wanted=30.0, usual=None) == 30.0
    assert not caplog.records
    with pytest.raises(DataError, match=r"motion\.file_fps=1e-09 must be from 0\.1 to 10000"):
        check_rate(FILE, 20, wanted=1e-9, usual=None)


def test_a_file_that_states_none_takes_the_usual_with_a_warning_or_is_refused(caplog):
    assert check_rate(FILE, None, wanted=None, usual=20.0) == 20.0
    assert "does not state its frame rate: taken to be 20" in caplog.text
    with pytest.raises(DataError, match=r"walk\.npz does not state its frame rate.*motion\.file_fps=120"):
        check_rate(FILE, None, wanted=None, usual=None)


@pytest.mark.parametrize(("rate", "doubted"), [(1, True), (4.9, True), (5, False), (600, False), (1000, True)])
def test_rates_at_which_nobody_records_are_doubted(rate, doubted, caplog):
    assert check_rate(FILE, rate, wanted=None, usual=None) == rate
    assert ("is implausible for a recording" in caplog.text) == doubted
