"""The peak of the resident memory belongs to the block that it was measured for, on every system."""

import mmap
import subprocess
import sys
import time

import numpy as np
import pytest

from latentman.system import memory
from latentman.system.memory import memory_now, memory_peak, peak_memory

MIB = 1 << 20


@pytest.fixture(params=["kernel", "sampled"])
def way(request, monkeypatch):
    """The kernel's count, and the sampling of systems without one."""
    if request.param == "kernel" and not memory._forget_kernel_peak():
        pytest.skip("this system cannot reset its peak")
    if request.param == "sampled":
        monkeypatch.setattr(memory, "_forget_kernel_peak", lambda: False)
    return request.param


def occupy(mebibytes):
    """Occupy memory for long enough to be sampled, and give it back.

    The memory is mapped for this block alone: what an earlier test freed, and the process kept, is not used again.
    """
    with mmap.mmap(-1, mebibytes * MIB) as block:
        for _ in range(mebibytes):
            block.write(b"1" * MIB)
        time.sleep(0.1)


@pytest.mark.slow
def test_a_peak_inside_a_block_is_measured_and_an_earlier_one_is_not(way):
    occupy(300)
    before = memory_now()
    with peak_memory() as small:
        occupy(20)
    with peak_memory() as large:
        occupy(200)
    assert 15 * MIB <= small.bytes - before <= 100 * MIB
    assert 190 * MIB <= large.bytes - before <= 300 * MIB


def test_a_block_that_raises_is_measured_too(way):
    with pytest.raises(KeyError), peak_memory() as peak:
        raise KeyError
    assert peak.bytes > MIB


def test_the_peak_of_a_process_is_its_own_and_not_its_parents():
    code = "from latentman.system.memory import memory_now, memory_peak; print(memory_now(), memory_peak())"
    held = np.ones(300 * MIB, np.uint8)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    now, peak = map(int, done.stdout.split())
    assert now <= peak < 200 * MIB < held.nbytes


def test_the_peak_is_at_least_what_is_occupied_now():
    assert memory_peak() >= 0.99 * memory_now()
