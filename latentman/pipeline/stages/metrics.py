"""The metrics stage: frames to scores in a flat ``metrics.json``, to which the costs are added later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentman.config import Config
from latentman.errors import WeightsError
from latentman.metrics.grid import metric_grid
from latentman.pipeline.run import Advance, Run
from latentman.pipeline.stage import Stage
from latentman.system.paths import file_digest, user_path, weights_dir, write_json
from latentman.types import UNMATCHED

if TYPE_CHECKING:
    from latentman.metrics.evidence import Networks


def networks_of(config: Config) -> Networks:
    """Return where learned metrics find weights: ``metrics.clip``, ``metrics.lpips``, else the folder of weights."""
    from latentman.metrics.evidence import Networks
    from latentman.system.device import pick_device

    weights, cfg = weights_dir(config.paths.weights), config.metrics
    return Networks(
        clip=weights / "clip" if cfg.clip is None else user_path(cfg.clip),
        lpips=weights / "lpips" if cfg.lpips is None else user_path(cfg.lpips),
        device=str(pick_device(config.device)),
    )


def check_metrics(config: Config) -> None:
    """Refuse metrics that cannot be computed, before the first stage.

    Weights may be missing from the default place: the metric then has no value, and the record gives the reason.

    Raises:
        ConfigError: if a name is unknown, or given twice.
        WeightsError: if a folder that ``metrics.clip`` or ``metrics.lpips`` names lacks what the metrics need.
        ShapeError: if the picture has no grid on which H_MSE can be measured.
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


def make_scores(run: Run, advance: Advance) -> None:
    """Write the scores of the frames, judged by conditions, map M and mesh."""
    from latentman.metrics.compute import as_record, compute
    from latentman.metrics.evidence import Evidence

    conditions, correspondence = run.conditions(), run.correspondence(run.metric_size)
    evidence = Evidence(
        frames=run.frames().frames,
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


def _settings(run: Run) -> Any:
    """Return the metrics' names, and digests of the learned metrics' weights if any is asked for."""
    from latentman.metrics.compute import METRICS, needs_of

    names, networks = run.config.metrics.names, networks_of(run.config)
    learned = {
        need: {path.name: file_digest(path) for path in networks.files_behind(need)}
        for need in sorted(needs_of(names) & {"clip", "lpips"})
    }
    plugins = [plugin for name in names if (plugin := METRICS.identity(name))]
    return [names, *([learned] if learned else []), *([plugins] if plugins else [])] if learned or plugins else names


STAGE = Stage(
    name="metrics",
    reads=("body", "render", "correspondence", "video"),
    settings=_settings,
    outputs=lambda run: ["metrics.json"],
    make=make_scores,
)
