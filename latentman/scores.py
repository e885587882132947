"""The last stage: frames to scores, and the flat ``metrics.json`` with the costs beside them."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from latentman.paths import write_json
from latentman.stages import Advance, Run, Stage, frames_of
from latentman.types import UNMATCHED

COST_PREFIXES = ("seconds_", "peak_memory_bytes")
"""Keys of metrics.json that are measurements of the machine; everything else is the same in every repetition."""


def make_scores(run: Run, advance: Advance) -> None:
    """Frames, conditions, the map M and the mesh that judges it to ``metrics.json``."""
    from latentman.metrics.compute import compute

    correspondence = run.correspondence(run.metric_size)
    scores = compute(
        run.config.metrics.names,
        frames=frames_of(run).frames,
        conditions=run.conditions(),
        correspondence=correspondence,
        body=run.body(),
        placed=run.config.conditioner.name != "none",
    )
    metrics: dict[str, Any] = {}
    per_pair: dict[str, Any] = {}
    for score in scores:
        metrics[score.name] = score.value
        if score.reason is not None:
            metrics[f"{score.name}_reason"] = score.reason
        if score.per_pair is not None:
            per_pair[score.name] = list(score.per_pair)
    metrics["num_matches"] = correspondence.num_matches
    metrics["parts_skipped"] = int(correspondence.parts_skipped.sum())
    if correspondence.unmatched is not None:
        counts = correspondence.unmatched.sum(0).tolist()
        metrics.update({f"unmatched_{reason}": count for reason, count in zip(UNMATCHED, counts, strict=True)})
    metrics["per_pair"] = per_pair
    write_json(run.folder / "metrics.json", metrics)


score_run = Stage("metrics", lambda run: run.config.metrics.names, lambda run: ["metrics.json"], make_scores)


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
