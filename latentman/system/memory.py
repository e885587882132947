"""Resident memory of this process: now, at its peak, and at its peak while a block of code ran.

Linux counts the peak in the kernel and can start the count again, which is exact. Where it cannot be started again, a
thread samples the memory instead; a peak shorter than the time between two samples is missed there. Little is imported
here, because the benchmarks read small processes.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLED_EVERY_S = 0.01


@dataclass
class Peak:
    """The highest resident memory of the process while a block ran; 0 until the block ends."""

    bytes: int = 0


def memory_now() -> int:
    """Return the bytes of memory that this process occupies."""
    return int(psutil.Process().memory_info().rss)


def memory_peak() -> int:
    """Return the most bytes that this process has occupied since it started, or since the last :func:`peak_memory`.

    On Linux not ``ru_maxrss``: a process inherits that from the process that started it.
    """
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    found = _kernel_peak()
    if found is not None:
        return found
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the peak of the resident memory while a block runs. Blocks must not be nested.

    Yields:
        The reading, which is filled in when the block ends, also when it raises.
    """
    peak = Peak()
    if _forget_kernel_peak():
        try:
            yield peak
        finally:
            peak.bytes = memory_peak()
        return
    ended = threading.Event()
    sampler = threading.Thread(target=_sample, args=(peak, ended), name="latentman-memory", daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        ended.set()
        sampler.join()
        peak.bytes = max(peak.bytes, memory_now())


def _sample(peak: Peak, ended: threading.Event) -> None:
    process = psutil.Process()
    while True:
        peak.bytes = max(peak.bytes, int(process.memory_info().rss))
        if ended.wait(SAMPLED_EVERY_S):
            return


def _forget_kernel_peak() -> bool:
    """Start Linux's count of the peak again; return False where that is not possible."""
    if _kernel_peak() is None:
        return False
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # read-only in some containers
        return False
    return True


def _kernel_peak() -> int | None:
    """Return Linux's count of the peak in bytes, or None on other systems."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
