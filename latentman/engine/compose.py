"""Composes a command's configuration without running it, to find its mistakes early and to say how to fix them.

Every key, group and choice is looked up first, since only then can a message name the nearest one that exists. Then
each job of the command is composed and resolved, so that a mistake in a sweep's last job stops the sweep before its
first job starts.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.errors import OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from latentman.config import Config, resolve
from latentman.engine.explain import check_names, explained
from latentman.engine.launchers import check_launcher
from latentman.engine.loader import OWN_TREE, Tree, composer
from latentman.engine.search import OPTUNA, Search, check_objectives, search_of
from latentman.errors import ConfigError

MAX_JOBS = 10_000
"""Jobs of one sweep."""

MAX_CHECKED_JOBS = 64
"""Jobs of a sweep that are composed before it starts, at up to 0.3 s each; the others are checked when they run."""

CANNOT_BE_SWEPT = {
    "run_dir": "it names the folder of one run, and every job of a sweep has its own",
    "sweep_dir": "it names the folder of the whole sweep",
    "name": "it changes no result, only the name of the folder; give it one value",
    "paths": "its folders serve the whole sweep",
    "overwrite": "it applies to the whole sweep",
    "tags": "they belong to the whole sweep",
    "baseline": "the whole sweep is compared with it",
}
"""Keys that have one value in a whole sweep, by their first part, and why."""


@dataclass(frozen=True)
class Command:
    """What a checked command asks for."""

    is_sweep: bool = False
    jobs: tuple[tuple[str, ...], ...] = ()
    """The overrides of each job of a sweep, in Hydra's order; empty where a sweeper chooses them as it goes."""
    sweep_dir: str = ""
    is_new: bool = False
    """Whether the folder's name is made of the time, and so cannot be the folder of an earlier sweep."""
    name: str = ""
    overwrite: bool = False
    search: Search | None = None
    """The search whose trials become jobs; ``jobs`` is then empty."""


def check_command(overrides: list[str], tree: Tree = OWN_TREE) -> Command:
    """Refuse a command that cannot work, before anything is written and any model is loaded.

    Args:
        overrides: of the command, with ``hydra.mode=MULTIRUN`` for a sweep.
        tree: where the configuration is read from.

    Returns:
        What the command asks for.

    Raises:
        ConfigError: for an unknown key, group or choice, settings that cannot be combined, or a value that the schema
            refuses in any of the command's first 64 jobs.
    """
    with explained(), composer(tree) as loader:
        parsed = _parse(overrides, loader)
        master = _compose_master(overrides, parsed, loader, tree)
        _check_folders(parsed, master.hydra.mode)
        if master.hydra.mode != RunMode.MULTIRUN:
            _check_sweeper(parsed)
            _check_prompt(parsed, resolve(_without_hydra(copy.deepcopy(master))))
            return Command()
        swept = _swept(parsed, master, loader)
        search = _search(swept, master, loader)
        jobs = _jobs(swept) if search is None else search.space.samples()
        shared = [override.input_line for override in parsed if override.is_hydra_override()]
        for job in jobs[:MAX_CHECKED_JOBS]:
            lines = [*shared, *job, "hydra.mode=RUN"]
            composed = loader.load_configuration(tree.config_name, lines, run_mode=RunMode.RUN)
            config = resolve(_without_hydra(composed))
            _check_prompt(parsed, config)
            if search is not None:
                check_objectives(search, config.metrics.names)
        if search is not None:
            return replace(_sweep_command(master), search=search)
        is_planned = master.hydra.sweeper._target_.endswith(".BasicSweeper")
        return replace(_sweep_command(master), jobs=tuple(map(tuple, jobs)) if is_planned else ())


def compose_jobs(jobs: Iterable[Sequence[str]], tree: Tree = OWN_TREE) -> Iterator[DictConfig]:
    """Yield the configuration of each job of a sweep, composed and not yet resolved.

    Raises:
        ConfigError: as :func:`check_command`.
    """
    for job in jobs:
        with explained(), composer(tree) as loader:
            overrides = [*job, "hydra.mode=RUN"]
            composed = loader.load_configuration(tree.config_name, overrides, run_mode=RunMode.RUN)
        yield _without_hydra(composed)


def compose(overrides: list[str], extra_dir: str | None = None) -> Config:
    """Return the checked configuration of one run.

    Args:
        overrides: such as ``["seed=3", "sla=none"]``.
        extra_dir: a folder of further configuration files, as ``--config-dir``.

    Raises:
        ConfigError: as :func:`check_command`.
    """
    with explained(), composer(Tree(extra_dir)) as loader:
        _parse(overrides, loader)
        return resolve(_without_hydra(loader.load_configuration("config", overrides, run_mode=RunMode.RUN)))


def _parse(overrides: list[str], loader: ConfigLoader) -> list[Override]:
    """Return the parsed overrides after looking up every name in them."""
    parser = OverridesParser.create(config_loader=loader)
    parsed = []
    for text in overrides:
        if "=" not in text and not text.startswith("~"):
            raise ConfigError(f"'{text}' is not a setting: write key=value, such as prompt=\"{text}\"")
        try:
            parsed += parser.parse_overrides([text])
        except OverrideParseException as error:
            key, _, value = text.partition("=")
            raise ConfigError(
                f"cannot read the value of {text} ({str(error.__cause__ or error).splitlines()[0]})\n"
                f"put quotes inside the shell's: '{key}=\"{value}\"'"
            ) from error
    for override in parsed:
        check_names(override, loader)
    return parsed


def _without_hydra(composed: DictConfig) -> DictConfig:
    with open_dict(composed):
        del composed["hydra"]
    return composed


def _compose_master(overrides: list[str], parsed: list[Override], loader: ConfigLoader, tree: Tree) -> DictConfig:
    """Return the configuration that a command has before it is split into jobs."""
    sweeps = [override for override in parsed if override.is_sweep_override()]
    mode = RunMode.MULTIRUN if sweeps else RunMode.RUN
    master = loader.load_configuration(tree.config_name, overrides, run_mode=mode, validate_sweep_overrides=False)
    check_launcher(master.hydra, master.hydra.mode)
    if master.hydra.mode != RunMode.MULTIRUN and sweeps:
        raise ConfigError(
            f"{sweeps[0].input_line} is a sweep over several values: add -m to run them all, "
            f"or write {sweeps[0].key_or_group}=[...] for one value that is a list"
        )
    return master


def _swept(parsed: list[Override], master: DictConfig, loader: ConfigLoader) -> list[Override]:
    """Return the overrides of a sweep's jobs: those of the experiment file, then those of the command line."""
    in_file = master.hydra.sweeper.get("params")
    params = {} if in_file is None else OmegaConf.to_container(in_file, resolve=True)
    assert isinstance(params, dict)
    task = [override.input_line for override in parsed if not override.is_hydra_override()]
    lines = [f"{key!s}={value}" for key, value in params.items()] + task
    return OverridesParser.create(config_loader=loader).parse_overrides(lines)


def _jobs(swept: list[Override]) -> list[list[str]]:
    """Return the overrides of each job of a sweep."""
    for override in swept:
        reason = CANNOT_BE_SWEPT.get(override.key_or_group.partition(".")[0])
        if override.is_sweep_override() and reason:
            raise ConfigError(f"{override.input_line}: {override.key_or_group} cannot be swept: {reason}")
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise ConfigError(
                f"{override.input_line} is an interval, and a sweep needs single values: list them, or add "
                "hydra/sweeper=optuna for a search (docs/how-to/search.md)"
            )
    _check_count(swept)
    return [list(job) for job in BasicSweeper.split_arguments(swept, None)[0]]


def _search(swept: list[Override], master: DictConfig, loader: ConfigLoader) -> Search | None:
    """Return the search that a command asks for; None if its sweeper is another one than ours."""
    if master.hydra.sweeper._target_ != OPTUNA:
        return None
    if master.overwrite:
        raise ConfigError("overwrite=true has no meaning in a search, which continues: choose another sweep_dir")
    for override in swept:
        check_names(override, loader)
        if override.is_sweep_override() and override.is_discrete_sweep():
            _check_count([override])
    node: Any = OmegaConf.to_container(master.hydra.sweeper, resolve=True)
    return search_of(node, swept)


def _check_sweeper(parsed: list[Override]) -> None:
    """Refuse a sweeper for a single run, which would be ignored."""
    for override in parsed:
        if override.key_or_group == "hydra/sweeper" and override.value() != "basic":
            raise ConfigError(f"{override.input_line} is for sweeps, and this is a single run: add -m, or leave it out")


def _check_count(swept: list[Override]) -> None:
    """Refuse a sweep of more jobs than anybody wants, before they are listed."""
    count = 1
    for override in swept:
        if not override.is_sweep_override():
            continue
        value: Any = override.value()
        if isinstance(value, RangeSweep):
            start, stop, step = (float(getattr(value, name)) for name in ("start", "stop", "step"))
            length = (stop - start) / step if step else math.inf
            count *= math.ceil(length) if 0 <= length < MAX_JOBS + 1 else MAX_JOBS + 1 if length > 0 else 0
        elif isinstance(value, ChoiceSweep):
            count *= len(value.list)
        if not 0 < count <= MAX_JOBS:
            what = "no values" if count <= 0 else f"more than {MAX_JOBS} jobs"
            raise ConfigError(f"{override.input_line[:80]} gives a sweep of {what}: give it other bounds")


def _sweep_command(master: DictConfig) -> Command:
    raw: Any = OmegaConf.to_container(master, resolve=False)
    return Command(
        is_sweep=True,
        sweep_dir=str(master.sweep_dir),
        is_new="${now:" in str(raw["sweep_dir"]),
        name=str(master.name),
        overwrite=bool(master.overwrite),
    )


def _check_folders(parsed: list[Override], mode: RunMode) -> None:
    """Refuse the folder key that does not belong to this kind of command, and empty ones."""
    given = {o.key_or_group: o.value() for o in parsed if o.key_or_group in ("run_dir", "sweep_dir")}
    for key in given:
        if isinstance(given[key], str) and not given[key].strip():
            raise ConfigError(f"{key} is empty: name a folder, or leave it out for a new one")
    if mode == RunMode.MULTIRUN and given.get("run_dir") is not None:
        raise ConfigError(
            "run_dir names the folder of one run, and this is a sweep of several: write sweep_dir= instead"
        )
    if mode == RunMode.RUN and given.get("sweep_dir") is not None:
        raise ConfigError("sweep_dir names the folder of a sweep, and this is one run: write run_dir= instead")
    if "sweep_dir" in given and given["sweep_dir"] is None:
        raise ConfigError("sweep_dir=null does not name a folder: leave it out for a new one under paths.runs")


def _check_prompt(parsed: list[Override], config: Config) -> None:
    if config.prompts.entries and any(override.key_or_group == "prompt" for override in parsed):
        raise ConfigError(
            f"prompt=... has no effect with prompts={config.prompts.name}, a set that has its own prompts: "
            "leave one of them out (prompts=single takes prompt=...)"
        )
