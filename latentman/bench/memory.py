"""Resident memory of this process, as the benchmarks read it. It imports little, since small processes use it."""

from __future__ import annotations

import sys
from pathlib import Path


def memory_now() -> int:
    """Return the bytes of memory that this process occupies."""
    resident = _linux_memory("VmRSS")
    if resident is not None:
        return resident
    import psutil

    return int(psutil.Process().memory_info().rss)


def memory_peak() -> int:
    """Return the most bytes of memory that this process has occupied, since :func:`forget_peak` where that works.

    On Linux this is not ru_maxrss, which a started program inherits from the program that started it.
    """
    peak = _linux_memory("VmHWM")
    if peak is not None:
        return peak
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak() -> None:
    """Reset the peak on Linux; elsewhere it remains the peak since the start."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _linux_memory(key: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), None)
