"""The last stage: frames to scores, and the flat ``metrics.json`` with the costs beside them."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from latentman.config import Config
from latentman.errors import WeightsError
from latentman.metrics.grid import metric_grid
from latentman.stages import Advance, Run, Stage, frames_of
from latentman.system.paths import file_digest, weights_dir, write_json
from latentman.types import UNMATCHED

if TYPE_CHECKING:
    from latentman.metrics.evidence import Networks

COST_PREFIXES = ("seconds_", "peak_memory_bytes")
"""Keys of metrics.json that are measurements of the machine; everything else is the same in every repetition."""


def networks_of(config: Config) -> Networks:
    """Return where learned metrics find weights: ``metrics.clip``, ``metrics.lpips``, else in the folder of weights."""
    from latentman.metrics.evidence import Networks
    from latentman.system.device import pick_device

    weights, cfg = weights_dir(config.paths.weights), config.metrics
    return Networks(
        clip=weights / "clip" if cfg.clip is None else Path(cfg.clip).expanduser(),
        lpips=weights / "lpips" if cfg.lpips is None else Path(cfg.lpips).expanduser(),
        device=str(pick_device(config.device)),
    )


def check_metrics(config: Config) -> None:
    """Find out before the first stage what is wrong with the metrics that are asked for.

    Weights that are looked for in the default place may be missing: the metric then has no value, and says why.

    Raises:
        ConfigError: if a name is unknown, or is there twice.
        WeightsError: if a folder that ``metrics.clip`` or ``metrics.lpips`` names lacks what the metrics need.
        ShapeError: if the picture has no grid on which H_MSE could be measured.
    """
    from latentman.metrics.compute import check_names, needs_of

    cfg = config.metrics
    check_names(cfg.names)
    metric_grid(config.setup.image_size)
    for need in sorted(needs_of(cfg.names) & {"clip", "lpips"}):
        if getattr(cfg, need) is not None:
            reason = networks_of(config).why_missing(need)
            if reason is not None:
                raise WeightsError(f"metrics.{need}={getattr(cfg, need)}: {reason}")


def _depends(run: Run) -> Any:
    """Return the names, and whatever else scores depend on where some of them are made with it."""
    from latentman.metrics.compute import needs_of

    names, networks = run.config.metrics.names, networks_of(run.config)
    learned = {
        need: {path.name: file_digest(path) for path in networks.files_behind(need)}
        for need in sorted(needs_of(names) & {"clip", "lpips"})
    }
    return [names, learned] if learned else names


def make_scores(run: Run, advance: Advance) -> None:
    """Frames, conditions, the map M and the mesh that judges it to ``metrics.json``."""
    from latentman.metrics.compute import as_record, compute
    from latentman.metrics.evidence import Evidence

    conditions, correspondence = run.conditions(), run.correspondence(run.metric_size)
    evidence = Evidence(
        frames=frames_of(run).frames,
        networks=networks_of(run.config),
        prompt=run.prompt,
        mask=conditions.mask,
        camera_moves=conditions.camera_moves,
        conditions=conditions,
        body=run.body(),
        correspondence=correspondence,
    )
    scores = compute(run.config.metrics.names, evidence, placed=run.config.conditioner.name != "none")
    metrics, per_pair = as_record(scores)
    metrics["num_matches"] = correspondence.num_matches
    metrics["parts_skipped"] = int(correspondence.parts_skipped.sum())
    if correspondence.unmatched is not None:
        counts = correspondence.unmatched.sum(0).tolist()
        metrics.update({f"unmatched_{reason}": count for reason, count in zip(UNMATCHED, counts, strict=True)})
    metrics["per_pair"] = per_pair
    write_json(run.folder / "metrics.json", metrics)


score_run = Stage("metrics", _depends, lambda run: ["metrics.json"], make_scores)


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
