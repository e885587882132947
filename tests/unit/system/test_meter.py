"""A stage's cost is its own."""

import time

import numpy as np
import pytest

from latentman.system.meter import measured


def test_seconds_and_peak_are_filled_in_when_the_block_ends():
    with measured() as reading:
        time.sleep(0.05)
        np.ones(1 << 24, np.uint8)
        assert (reading.seconds, reading.peak_memory_bytes) == (0.0, 0)
    assert 0.05 <= reading.seconds < 5
    assert reading.peak_memory_bytes > 1 << 24


def test_a_stage_that_fails_is_measured_too():
    with pytest.raises(KeyError), measured() as reading:
        raise KeyError
    assert reading.seconds > 0
    assert reading.peak_memory_bytes > 0
