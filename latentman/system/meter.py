"""Seconds and peak memory of a stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from latentman.system.memory import Peak, peak_memory


@dataclass
class Reading:
    """What a stage cost: wall seconds, and the highest memory in use while it ran."""

    seconds: float = 0.0
    peak_memory_bytes: int = 0


@contextmanager
def measured(cuda: bool = False) -> Iterator[Reading]:
    """Measure a block: resident memory of the process, or on CUDA the device's memory, since that is what runs out.

    Yields:
        The reading, which is filled in when the block ends, also when it raises.
    """
    reading = Reading()
    peak = Peak()
    start = time.perf_counter()
    try:
        with _device_peak() if cuda else peak_memory() as peak:
            yield reading
    finally:
        reading.peak_memory_bytes = peak.bytes
        reading.seconds = time.perf_counter() - start


@contextmanager
def _device_peak() -> Iterator[Peak]:
    import torch

    peak = Peak()
    torch.cuda.reset_peak_memory_stats()
    try:
        yield peak
    finally:
        torch.cuda.synchronize()
        peak.bytes = torch.cuda.max_memory_allocated()
