"""Seconds and peak memory of a stage."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Reading:
    """What a stage cost: wall seconds, and the highest resident memory of the process while it ran."""

    seconds: float = 0.0
    peak_memory_bytes: int = 0


def _reset_peak() -> bool:
    """Make Linux forget the process's highest memory so far; False where that cannot be done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _peak() -> int:
    """Return the highest resident memory since the last reset (or since the start, where there is no reset)."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: the next line is the portable reading
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def measured(cuda: bool = False) -> Iterator[Reading]:
    """Measure a block; on CUDA the memory is the device's, as that is what runs out.

    The reading is filled in when the block ends, by an error too.
    """
    reading = Reading()
    _reset_peak()
    if cuda:
        import torch

        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    try:
        yield reading
    finally:
        if cuda:
            torch.cuda.synchronize()
            reading.peak_memory_bytes = torch.cuda.max_memory_allocated()
        else:
            reading.peak_memory_bytes = _peak()
        reading.seconds = time.perf_counter() - start
