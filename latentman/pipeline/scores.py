"""The last stage: frames to scores, and the flat ``metrics.json`` with the costs beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentman.config import Config
from latentman.errors import WeightsError
from latentman.metrics.grid import metric_grid
from latentman.pipeline.run import Advance, Run, Stage, frames_of
from latentman.system.paths import file_digest, user_path, weights_dir, write_json
from latentman.types import UNMATCHED

if TYPE_CHECKING:
    from latentman.metrics.evidence import Networks


def networks_of(config: Config) -> Networks:
    """Return where learned metrics find weights: ``metrics.clip``, ``metrics.lpips``, else in the folder of weights."""
    from latentman.metrics.evidence import Networks
    from latentman.system.device import pick_device

    weights, cfg = weights_dir(config.paths.weights), config.metrics
    return Networks(
        clip=weights / "clip" if cfg.clip is None else user_path(cfg.clip),
        lpips=weights / "lpips" if cfg.lpips is None else user_path(cfg.lpips),
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
