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
def measured(cuda: str | None = None) -> Iterator[Reading]:
    """Measure a block: resident memory of the process, or on CUDA the device's memory, since that is what runs out.

    Args:
        cuda: the CUDA device that the block uses, such as ``cuda:1``; None means that it uses none.

    Yields:
        The reading, which is filled in when the block ends, also when it raises.
    """
    reading = Reading()
    peak = Peak()
    start = time.perf_counter()
    try:
        with peak_memory() if cuda is None else _device_peak(cuda) as peak:
            yield reading
    finally:
        reading.peak_memory_bytes = peak.bytes
        reading.seconds = time.perf_counter() - start


@contextmanager
def _device_peak(device: str) -> Iterator[Peak]:
    import torch

    peak = Peak()
    torch.cuda.reset_peak_memory_stats(device)
    try:
        yield peak
    finally:
        torch.cuda.synchronize(device)
        peak.bytes = torch.cuda.max_memory_allocated(device)
