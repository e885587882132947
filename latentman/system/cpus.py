"""How many CPUs this process may use: those it is bound to, and the share that its container has."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_cpus(cgroup: Path = _CGROUP) -> int:
    """Return the number of CPUs that this process may use, at least 1. The load of the machine plays no part.

    Args:
        cgroup: where the limits of the container are, of version 2 (``cpu.max``) or 1 (``cpu/cpu.cfs_quota_us``).
    """
    affinity = getattr(os, "sched_getaffinity", None)
    bound = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, bound if quota is None else min(bound, math.ceil(quota)))


def _quota(cgroup: Path) -> float | None:
    """Return the CPUs that a container may use on average, or None without a limit."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            words = " ".join((cgroup / name).read_text(encoding="ascii") for name in names).split()
            quota, period = (float(word) for word in words)
        except (OSError, ValueError):  # no such file, or "max", which is no limit
            continue
        if quota > 0 and period > 0:
            return quota / period
    return None
