"""``metrics.json``: the scores of a run with their costs, and the means over a job's prompts."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

from latentman.errors import RecordError
from latentman.files.opening import reading
from latentman.record.local import METRICS_FILE, read_object
from latentman.record.models import check_metrics
from latentman.system.paths import write_json

COST_PREFIXES = ("seconds_", "peak_memory_bytes")
"""Prefixes of the keys that measure the machine; every other key is the same in every repetition."""


def read_metrics(folder: Path) -> dict[str, Any]:
    """Return a run's metrics; an empty object if the file is missing or damaged."""
    try:
        return checked_metrics(folder)
    except RecordError:
        return {}


def checked_metrics(folder: Path) -> dict[str, Any]:
    """Return a run's metrics.

    Raises:
        RecordError: if the file is missing or damaged, or a metric has the name of a column.
    """
    path = folder / METRICS_FILE
    metrics = read_object(path)
    with reading(path, error=RecordError, advice="give the run's command again"):
        check_metrics(metrics)
    return metrics


def scores_of(path: Path) -> dict[str, Any]:
    """Return the scores in a ``metrics.json``, without costs.

    Raises:
        RecordError: if the file is missing or damaged.
    """
    return {key: value for key, value in read_object(path).items() if not key.startswith(COST_PREFIXES)}


def with_costs(folder: Path, status: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of a run together with the seconds and the peak memory (bytes) of its finished stages.

    Raises:
        RecordError: if ``metrics.json`` is missing or damaged.
    """
    metrics = scores_of(folder / METRICS_FILE)
    stages = {name: entry for name, entry in status["stages"].items() if entry.get("state") == "done"}
    for name, entry in stages.items():
        metrics[f"seconds_{name}"] = entry["seconds"]
        metrics[f"peak_memory_bytes_{name}"] = entry["peak_memory_bytes"]
    metrics["seconds_total"] = sum(entry["seconds"] for entry in stages.values())
    metrics["peak_memory_bytes"] = max(entry["peak_memory_bytes"] for entry in stages.values())
    return metrics


def write_means(job_folder: Path, folders: list[Path]) -> dict[str, Any]:
    """Write the means over a job's prompts and return them.

    Where some prompts lack a score, its mean is over the others, and ``<score>_reason`` says so.

    Args:
        job_folder: the folder that the means are written to.
        folders: the folders of the job's runs, all with a ``metrics.json``.

    Raises:
        RecordError: if a run's file cannot be read, or the means cannot be written.
    """
    means = means_of(folders)
    write_json(job_folder / METRICS_FILE, means)
    return means


def means_of(folders: list[Path]) -> dict[str, Any]:
    """Return the means over runs, as :func:`write_means` writes them.

    Raises:
        RecordError: if the ``metrics.json`` of a run is missing or damaged.
    """
    runs = [read_object(folder / METRICS_FILE) for folder in folders]
    means: dict[str, Any] = {"num_prompts": len(runs)}
    for key in sorted({key for run in runs for key in run if key != "per_pair" and not key.endswith("_reason")}):
        values = [run[key] for run in runs if isinstance(run.get(key), int | float)]
        means[key] = fmean(values) if values else None
        if not values:
            means[f"{key}_reason"] = next(
                (run[f"{key}_reason"] for run in runs if run.get(f"{key}_reason")), "no prompt has it"
            )
        elif len(values) < len(runs):
            means[f"{key}_reason"] = f"mean of the {len(values)} of {len(runs)} prompts that have it"
    return means
