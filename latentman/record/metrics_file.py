"""metrics.json: the scores of a run with their costs, and the means over a job's prompts."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from latentman.system.paths import write_json

if TYPE_CHECKING:
    pass


COST_PREFIXES = ("seconds_", "peak_memory_bytes")
"""Keys of metrics.json that are measurements of the machine; everything else is the same in every repetition."""


def with_costs(folder: Path, status: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of a run together with the seconds and the peak memory of its stages."""
    scores = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    metrics = {key: value for key, value in scores.items() if not key.startswith(COST_PREFIXES)}
    stages = {name: entry for name, entry in status["stages"].items() if entry.get("state") == "done"}
    for name, entry in stages.items():
        metrics[f"seconds_{name}"] = entry["seconds"]
        metrics[f"peak_memory_bytes_{name}"] = entry["peak_memory_bytes"]
    metrics["seconds_total"] = sum(entry["seconds"] for entry in stages.values())
    metrics["peak_memory_bytes"] = max(entry["peak_memory_bytes"] for entry in stages.values())
    return metrics


def write_means(job_folder: Path, folders: list[Path]) -> dict[str, Any]:
    """Write the means over a job's prompts; a score that some prompt lacks is the mean of the others, and says so."""
    runs = [json.loads((folder / "metrics.json").read_text(encoding="utf-8")) for folder in folders]
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
    write_json(job_folder / "metrics.json", means)
    return means
