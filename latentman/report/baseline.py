"""The row of a sweep that another row is compared with, from ``baseline`` in the experiment's configuration.

``{sla: none, pwg: none}`` names one row for all. ``{method: {latentman: t2v_zero, latentman_masactrl: masactrl}}``
gives each row its own; a row that is neither on the left nor on the right is compared with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.record.metrics_file import read_metrics
from latentman.record.status import mapping, read_status, run_folders


def target(baseline: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str] | None:
    """Return the values that the row to compare with has for the keys of the baseline.

    Args:
        baseline: the experiment's ``baseline``.
        values: the run's own choices and swept values.

    Returns:
        A baseline's own run gets its own values. None where the baseline has no entry for this run.
    """
    wanted = {}
    for key, option in baseline.items():
        if not isinstance(option, Mapping):
            wanted[key] = str(option)
            continue
        own, options = values.get(key), {str(row): str(other) for row, other in option.items()}
        if own is None or (own not in options and own not in options.values()):
            return None
        wanted[key] = options.get(own, own)
    return wanted or None


def is_baseline(baseline: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Return whether other runs are compared with this one."""
    wanted = target(baseline, values)
    return wanted is not None and all(values.get(key) == option for key, option in wanted.items())


def baseline_score(sweep_dir: Path | None, status: Mapping[str, Any]) -> float | None:
    """Return the H_MSE of the finished run of a sweep that a run is compared with.

    It has the same prompt and seed, and the choices that ``baseline`` names. If several runs fit, the sweep also varies
    something that the baseline leaves open, and the one whose other swept values are the same is taken.

    Args:
        sweep_dir: the folder of the sweep; None for a single run.
        status: of the run, as in its ``status.json``.

    Returns:
        None for a single run, for the baseline itself, and as long as there is no such run or score.
    """
    baseline, values = mapping(status, "baseline"), _values(status)
    wanted = target(baseline, values)
    if sweep_dir is None or wanted is None or is_baseline(baseline, values):
        return None
    rest = {key: value for key, value in mapping(status, "swept").items() if key not in baseline}
    try:
        found = [(folder, read_status(folder)) for folder in run_folders(sweep_dir)]
    except RecordError:
        return None
    alike = [
        (folder, other)
        for folder, other in found
        if other.get("kind") == "run"
        and other.get("state") == "done"
        and all(other.get(key) == status.get(key) for key in ("prompt", "seed", "num_frames"))
        and all(_values(other).get(key) == option for key, option in wanted.items())
    ]
    same = [
        folder
        for folder, other in alike
        if {key: value for key, value in mapping(other, "swept").items() if key not in baseline} == rest
    ]
    folders = same or [folder for folder, _ in alike]
    value = read_metrics(folders[0]).get("human_mse") if len(folders) == 1 else None
    return float(value) if isinstance(value, int | float) else None


def _values(status: Mapping[str, Any]) -> dict[str, str]:
    """Return the swept values and the choices of a run; a choice comes before a swept value of the same name."""
    both = {**mapping(status, "swept"), **mapping(status, "choices")}
    return {key: str(value) for key, value in both.items()}


def change_percent(value: float, baseline: float) -> float:
    """Return how far a score is above its baseline in percent; negative if it is below."""
    return 100 * (value - baseline) / baseline
