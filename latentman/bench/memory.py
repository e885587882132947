"""Resident memory of this process, as the benchmarks read it. Little is imported: it is read in small processes."""

from __future__ import annotations

import sys
from pathlib import Path


def memory_now() -> int:
    """Return the bytes of memory that this process occupies; where Linux's figures are missing, its peak so far."""
    return _linux_memory("VmRSS") or memory_peak()


def memory_peak() -> int:
    """Return the most bytes of memory that this process has occupied, since :func:`forget_peak` where that works.

    Not ru_maxrss where it can be helped: on Linux a started program inherits that one from the program that started it.
    """
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return _linux_memory("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Let Linux count the peak anew; elsewhere it stays the peak since the start."""
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
