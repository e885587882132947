"""Computing scores by name, for a run or a command."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any

from latentman import metrics
from latentman.errors import ConfigError, DataError
from latentman.metrics.evidence import Evidence
from latentman.metrics.metric import Metric
from latentman.system.plugins import Options
from latentman.types import Score, check_score_name


def _adapt(name: str, value: Any) -> Metric:
    if not isinstance(value, Metric):
        raise TypeError(f"it is {type(value).__name__}, not latentman.metrics.metric.Metric")
    return value


def _built_in() -> dict[str, Metric]:
    """Return the metrics of every module of this package."""
    found: dict[str, Metric] = {}
    for module in pkgutil.iter_modules(metrics.__path__):
        if module.name != "compute":
            found |= getattr(importlib.import_module(f"{metrics.__name__}.{module.name}"), "METRICS", {})
    return found


METRICS: Options[Metric] = Options("latentman.metrics", _built_in(), _adapt)
"""Every name that ``metrics.names`` may contain: the metrics of this package, and those of plugins."""

NOT_PLACED = "conditioner=none: the figure's position is not tied to the render"


def check_names(names: Iterable[str]) -> None:
    """Refuse unknown and repeated names.

    Raises:
        ConfigError: naming the first such name and the choices.
    """
    seen: set[str] = set()
    for name in names:
        METRICS.check(name)
        try:
            check_score_name(name)
        except DataError as error:
            raise ConfigError(f"metrics.names: {error}") from error
        if name in seen:
            raise ConfigError(f"metrics.names holds '{name}' twice: name each metric once")
        seen.add(name)


def needs_of(names: Iterable[str]) -> set[str]:
    """Return all inputs that the named metrics need besides the frames."""
    return {need for name in names for need in METRICS[name].needs}


def compute(names: list[str], evidence: Evidence, *, placed: bool = True) -> list[Score]:
    """Return the named scores in order; a score whose input is missing has no value but a reason.

    Args:
        names: names of metrics; all are checked before the first is computed.
        evidence: the video and what is known of it.
        placed: whether the conditions determine where the figure is; if not, scores that rely on this have no value.

    Raises:
        ConfigError: if a name is unknown.
        ShapeError: if frames, conditions and map do not match.
        WeightsError: if weights exist but are damaged.
    """
    check_names(names)
    return [_score(name, evidence, placed) for name in names]


def as_record(scores: Iterable[Score]) -> tuple[dict[str, Any], dict[str, list[float | None]]]:
    """Return scores in the form of ``metrics.json``: values with their reasons, and the series."""
    metrics: dict[str, Any] = {}
    per_pair = {}
    for score in scores:
        metrics[score.name] = score.value
        if score.reason is not None:
            metrics[f"{score.name}_reason"] = score.reason
        if score.per_pair is not None:
            per_pair[score.name] = list(score.per_pair)
    return metrics, per_pair


def _score(name: str, evidence: Evidence, placed: bool) -> Score:
    metric = METRICS[name]
    if not placed and not metric.of_the_map and {"mask", "mesh", "map"} & set(metric.needs):
        return Score(name, None, reason=NOT_PLACED)
    for need in metric.needs:
        reason = evidence.lacks(need)
        if reason is not None:
            return Score(name, None, reason=reason)
    return metric.score(evidence)
