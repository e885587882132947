"""Composes a command's configuration without running it, to find its mistakes early and to say how to mend them.

Every key, group and choice is looked up first, since only then can a message name the nearest one that exists; then
each job of the command is composed and resolved, so that a sweep's last job fails before its first one starts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from latentman.config import Config, register, resolve
from latentman.engine.explain import check_names, explained
from latentman.engine.launchers import check_launcher
from latentman.errors import ConfigError
from latentman.system.paths import config_dir

MAX_CHECKED_JOBS = 64
"""Jobs of a sweep that are composed before it starts, at about 0.1 s each; the others are checked when they run."""


@contextlib.contextmanager
def composer(extra_dir: str | None = None) -> Iterator[ConfigLoader]:
    """Yield Hydra's loader for our configuration tree, with the user's ``--config-dir`` before it.

    Raises:
        ConfigError: if ``extra_dir`` is no folder.
    """
    register()
    search_path = create_config_search_path(config_dir())
    if extra_dir is not None:
        if not Path(extra_dir).is_dir():
            raise ConfigError(f"--config-dir {extra_dir} is no folder")
        where = SearchPathQuery(provider="schema")
        search_path.prepend(provider="command-line", path=f"file://{Path(extra_dir).resolve()}", anchor=where)
    hydra = Hydra.create_main_hydra2(task_name="latentman", config_search_path=search_path)
    try:
        yield hydra.config_loader
    finally:
        GlobalHydra.instance().clear()


NOT_SWEPT = {
    "run_dir": "it names the folder of one run, and every job of a sweep has its own",
    "sweep_dir": "it names the folder of the whole sweep",
    "name": "it changes no result, only what the folder is called; give it one value",
    "paths": "its folders serve the whole sweep",
    "overwrite": "it holds for the whole sweep",
    "tags": "they belong to the whole sweep",
    "baseline": "it is what the whole sweep is compared with",
}
"""Keys over which nothing is swept, by their first part, and why."""


@dataclass(frozen=True)
class Command:
    """What a checked command asks for. A single run has no jobs."""

    jobs: tuple[tuple[str, ...], ...] = ()
    """The overrides of each job of a sweep, in Hydra's order; empty also where another sweeper decides as it goes."""
    sweep_dir: str = ""
    is_new: bool = False
    """Whether the folder's name is made of the time, and so no folder of an earlier sweep."""
    name: str = ""
    overwrite: bool = False


def check_command(overrides: list[str], extra_dir: str | None = None) -> Command:
    """Refuse a command that cannot work, before anything is written and any model is loaded.

    Returns:
        What the command asks for.

    Raises:
        ConfigError: for an unknown key, group or choice, a combination that makes no sense, or a value that the schema
            refuses in any of the command's jobs.
    """
    with explained(), composer(extra_dir) as loader:
        parsed = _parse(overrides, loader)
        master = _compose_master(overrides, parsed, loader)
        _check_folders(parsed, master.hydra.mode)
        if master.hydra.mode != RunMode.MULTIRUN:
            jobs, command = [overrides], Command()
        else:
            jobs, command = _jobs(parsed, master, loader), _sweep_command(master)
        shared = [override.input_line for override in parsed if override.is_hydra_override()]
        for job in jobs[:MAX_CHECKED_JOBS]:
            composed = loader.load_configuration("config", [*shared, *job, "hydra.mode=RUN"], run_mode=RunMode.RUN)
            _check_prompt(parsed, resolve(_without_hydra(composed)))
        is_planned = master.hydra.sweeper._target_.endswith(".BasicSweeper")
        return replace(command, jobs=tuple(map(tuple, jobs))) if command.name and is_planned else command


def compose_jobs(jobs: Iterable[Sequence[str]], extra_dir: str | None = None) -> Iterator[DictConfig]:
    """Yield the configuration of each job of a sweep, composed and not yet resolved.

    Raises:
        ConfigError: as :func:`check_command`.
    """
    with explained(), composer(extra_dir) as loader:
        for job in jobs:
            overrides = [*job, "hydra.mode=RUN"]
            yield _without_hydra(loader.load_configuration("config", overrides, run_mode=RunMode.RUN))


@contextlib.contextmanager
def sweeping(jobs: Sequence[Sequence[str]]) -> Iterator[None]:
    """Let Hydra's sweeper launch these jobs, whatever the command line combines to."""
    plugins = Plugins.instance()
    original = plugins.instantiate_sweeper

    def split(overrides: list[Override], max_batch_size: int | None) -> list[list[list[str]]]:
        return list(BasicSweeper.split_overrides_to_chunks([list(job) for job in jobs], max_batch_size))

    def instantiate(**known: Any) -> Any:
        # On the instance: Hydra imports its plugins anew when it looks for them, so that there are two such classes.
        sweeper = original(**known)
        sweeper.split_arguments = split
        return sweeper

    plugins.instantiate_sweeper = instantiate
    try:
        yield
    finally:
        del plugins.instantiate_sweeper


def compose(overrides: list[str], extra_dir: str | None = None) -> Config:
    """Return the checked configuration of one run.

    Raises:
        ConfigError: as :func:`check_command`.
    """
    with explained(), composer(extra_dir) as loader:
        _parse(overrides, loader)
        return resolve(_without_hydra(loader.load_configuration("config", overrides, run_mode=RunMode.RUN)))


def _parse(overrides: list[str], loader: ConfigLoader) -> list[Override]:
    """Return the parsed overrides after looking up every name in them."""
    parser = OverridesParser.create(config_loader=loader)
    parsed = []
    for text in overrides:
        if "=" not in text and not text.startswith("~"):
            raise ConfigError(f"'{text}' is no setting: write key=value, such as prompt=\"{text}\"")
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


def _compose_master(overrides: list[str], parsed: list[Override], loader: ConfigLoader) -> DictConfig:
    """Return the configuration that a command has before it is split into jobs."""
    master = loader.load_configuration("config", overrides, run_mode=RunMode.MULTIRUN, validate_sweep_overrides=False)
    check_launcher(master.hydra, master.hydra.mode)
    if master.hydra.mode != RunMode.MULTIRUN:
        for override in parsed:
            if override.is_sweep_override():
                raise ConfigError(
                    f"{override.input_line} is a sweep over several values: add -m to run them all, "
                    f"or write {override.key_or_group}=[...] for one value that is a list"
                )
    return master


def _jobs(parsed: list[Override], master: DictConfig, loader: ConfigLoader) -> list[list[str]]:
    """Return the overrides of each job of a sweep."""
    in_file = master.hydra.sweeper.params
    params = {} if in_file is None else OmegaConf.to_container(in_file, resolve=True)
    assert isinstance(params, dict)
    task = [override.input_line for override in parsed if not override.is_hydra_override()]
    lines = [f"{key!s}={value}" for key, value in params.items()] + task
    swept = OverridesParser.create(config_loader=loader).parse_overrides(lines)
    for override in swept:
        reason = NOT_SWEPT.get(override.key_or_group.partition(".")[0])
        if override.is_sweep_override() and reason:
            raise ConfigError(f"{override.input_line}: {override.key_or_group} cannot be swept: {reason}")
    return [list(job) for job in BasicSweeper.split_arguments(swept, None)[0]]


def _sweep_command(master: DictConfig) -> Command:
    raw = OmegaConf.to_container(master, resolve=False)
    assert isinstance(raw, dict)
    return Command(
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
        raise ConfigError("sweep_dir=null names no folder: leave it out for a new one under paths.runs")


def _check_prompt(parsed: list[Override], config: Config) -> None:
    if config.prompts.entries and any(override.key_or_group == "prompt" for override in parsed):
        raise ConfigError(
            f"prompt=... has no effect with prompts={config.prompts.name}, a set that brings its own prompts: "
            "leave one of them out (prompts=single takes prompt=...)"
        )
