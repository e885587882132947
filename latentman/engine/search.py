"""What a search for settings is asked for: its space, what is good, how many trials, and the choice of the next one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override

from latentman.engine.search_space import Space, search_space
from latentman.errors import ConfigError, check_choice, nearest
from latentman.record.sweep_plan import job_key

OPTUNA = "latentman.engine.optuna_sweeper.OptunaSweeper"
"""Our sweeper, by the name that it has in ``conf/hydra/sweeper/optuna.yaml``."""

DIRECTIONS = ("minimize", "maximize")
SAMPLERS = ("tpe", "random")
COSTS = ("seconds_denoise", "seconds_total", "peak_memory_bytes")
"""What can be an objective besides the metrics of a run."""

MAX_TRIALS = 10_000
MAX_SEED = 2**32 - 1

_KEYS = ("_target_", "params", "objectives", "num_trials", "sampler", "seed", "max_batch_size")


@dataclass(frozen=True, slots=True)
class Search:
    """The settings of ``hydra.sweeper``, checked."""

    space: Space
    objectives: dict[str, str]
    """``minimize`` or ``maximize`` for each metric."""
    num_trials: int
    """Of the whole search, with the trials of earlier commands."""
    sampler: str
    seed: int
    batch_size: int
    """Trials that are launched at the same time."""

    def description(self) -> str:
        """Return as JSON what may not change when a search is continued; the number of trials may."""
        axes = {key: repr(axis) for key, axis in self.space.axes.items()}
        facts = {"space": axes, "fixed": job_key(self.space.fixed), "objectives": self.objectives}
        return json.dumps({**facts, "sampler": self.sampler, "seed": self.seed})


def search_of(sweeper: Mapping[str, Any], overrides: Iterable[Override]) -> Search:
    """Return the search that a command asks for.

    Args:
        sweeper: the plain node ``hydra.sweeper``.
        overrides: of its ``params`` first, then of the command line.

    Raises:
        ConfigError: naming the key of ``hydra.sweeper``, or the key that cannot be searched.
    """
    for key in sweeper:
        if key not in _KEYS:
            known = [name for name in _KEYS if name != "_target_"]
            raise ConfigError(f"hydra.sweeper.{key} is unknown: its keys are {', '.join(known)}{nearest(key, known)}")
    given = sweeper.get("objectives")
    objectives = {k: v for k, v in given.items() if v is not None} if isinstance(given, dict) else {}
    if not objectives:
        raise ConfigError("hydra.sweeper.objectives is empty: name one or more metrics, such as {human_mse: minimize}")
    for name, direction in objectives.items():
        check_choice(f"hydra.sweeper.objectives.{name}", str(direction), DIRECTIONS)
    check_choice("hydra.sweeper.sampler", str(sweeper.get("sampler")), SAMPLERS)
    return Search(
        space=search_space(overrides),
        objectives=objectives,
        num_trials=_whole(sweeper, "num_trials", 1, MAX_TRIALS),
        sampler=str(sweeper["sampler"]),
        seed=_whole(sweeper, "seed", 0, MAX_SEED),
        batch_size=_whole(sweeper, "max_batch_size", 1, MAX_TRIALS),
    )


def check_objectives(search: Search, measured: Collection[str]) -> None:
    """Refuse objectives that no run of the search measures.

    Args:
        search: with its objectives.
        measured: ``metrics.names`` of its runs.

    Raises:
        ConfigError: naming the objective and what there is.
    """
    known = [*measured, *COSTS]
    for name in search.objectives:
        if name not in known:
            raise ConfigError(
                f"hydra.sweeper.objectives names {name}, which the runs do not measure{nearest(name, known)}\n"
                f"they measure {', '.join(known)}; metrics.names adds others"
            )


def _whole(sweeper: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = sweeper.get(key)
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(f"hydra.sweeper.{key}={value} must be a whole number from {low} to {high}")
    return value
