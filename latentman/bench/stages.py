"""``latentman bench stages``: seconds and memory of every stage of a run, from the record of the run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from latentman.bench.solver.table import table
from latentman.cli import Arguments
from latentman.engine.compose import check_command
from latentman.engine.overrides import split_arguments
from latentman.errors import ConfigError, DataError
from latentman.record.local import STATUS_FILE, read_object

_MEGABYTE = 1e6
_OURS = ("run_dir", "sweep_dir", "overwrite")
"""Settings that the benchmark chooses itself."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage cost in one run: wall seconds, and the process's or the device's peak in bytes."""

    seconds: float
    peak: int


def stages_command(arguments: Sequence[str]) -> int:
    """Run, print the table, and return the exit status.

    Raises:
        ConfigError: for unknown or invalid settings.
        DataError: if a run fails.
    """
    parser = Arguments(prog="latentman bench stages", add_help=False)
    parser.add_argument("--repeats", type=int, default=3)
    options, rest = parser.parse_known_args(list(arguments))
    overrides = split_arguments(rest).overrides
    if options.repeats < 1:
        raise ConfigError(f"--repeats {options.repeats} must be 1 or more")
    for key in (override.lstrip("+").partition("=")[0] for override in overrides):
        if key in _OURS:
            raise ConfigError(f"{key}: the benchmark runs in its own temporary folder; leave {key} out")
    check_command(overrides)
    runs = []
    for number in range(options.repeats):
        sys.stderr.write(f"run {number + 1} of {options.repeats}\n")
        runs.append(costs_of_a_run(overrides))
    sys.stdout.write(stages_table(runs))
    return 0


def costs_of_a_run(overrides: Sequence[str]) -> dict[str, Cost]:
    """Return what every stage of a run in a new folder cost, in the order in which they ran.

    Raises:
        DataError: if the run fails.
        ConfigError: if the settings make several runs.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run"
        command = [sys.executable, "-m", "latentman.run", *overrides, f"run_dir={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
            raise DataError(f"bench stages: a run ended with status {done.returncode} ({said})")
        if not (folder / STATUS_FILE).is_file():
            raise ConfigError("bench stages: these settings make several videos; give one prompt, and no sweep")
        return recorded_costs(read_object(folder / STATUS_FILE)["stages"])


def recorded_costs(stages: Mapping[str, Mapping[str, float]]) -> dict[str, Cost]:
    """Return the costs in the ``stages`` of a run's status."""
    return {name: Cost(entry["seconds"], int(entry["peak_memory_bytes"])) for name, entry in stages.items()}


def stages_table(runs: Sequence[Mapping[str, Cost]]) -> str:
    """Return the table: medians of the runs, shares of the sum of these, and the largest peaks."""
    seconds = {name: statistics.median(run[name].seconds for run in runs) for name in runs[0]}
    total = sum(seconds.values())
    rows = [
        (name, f"{spent:.2f}", f"{spent / total:.1%}", f"{max(run[name].peak for run in runs) / _MEGABYTE:.0f}")
        for name, spent in seconds.items()
    ]
    largest = max(cost.peak for run in runs for cost in run.values())
    rows.append(("all stages", f"{total:.2f}", "100.0%", f"{largest / _MEGABYTE:.0f}"))
    return table(("stage", "seconds", "share", "peak, MB"), rows)
