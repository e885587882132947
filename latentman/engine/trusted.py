"""An experiment file is not a program: which parts of Hydra's own configuration a file or an override may set.

Hydra makes objects of what its node names: callbacks, handlers of logging, launchers and sweepers. Through these a file
from another person could run code on the machine that reads it. ``SECURITY.md`` says what remains trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from latentman.errors import ConfigError
from latentman.files.yaml_file import read_yaml

_SILENT = {"version": 1, "root": None, "disable_existing_loggers": False}

OURS: Mapping[str, Any] = {
    "callbacks": {},
    "job_logging": _SILENT,
    "hydra_logging": _SILENT,
    "output_subdir": None,
    "run": {"dir": "."},
    "sweep": {"dir": "${sweep_dir}", "subdir": "."},
    "searchpath": [],
}
"""The parts of the ``hydra`` node that keep the values of ``conf/config.yaml``, and these values."""

FOLDER_KEYS = {"run": ("hydra.run.dir", "run_dir"), "sweep": ("hydra.sweep.dir", "sweep_dir")}
"""Hydra's keys for folders, and the keys that name these folders here."""

ENVIRONMENT = ("env_set", "env_copy")
"""Parts of ``hydra.job`` that only the command line sets: a variable can name a program or a library to load."""

LAUNCHERS = (
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
    "latentman.engine.cluster.SlurmLauncher",
)
SWEEPERS = (
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper",
    "hydra_plugins.hydra_ax_sweeper.ax_sweeper.AxSweeper",
    "hydra_plugins.hydra_nevergrad_sweeper.nevergrad_sweeper.NevergradSweeper",
    "latentman.engine.optuna_sweeper.OptunaSweeper",
)
SAMPLERS = "optuna.samplers."
"""What the names of the objects begin with that Optuna's sweeper makes by itself."""

_ADVICE = "remove it from the file or the command; SECURITY.md says why"


class CheckedFiles(FileConfigSource):
    """Hydra's reader of a folder, each of whose files passes our own reader first."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Return a configuration file.

        Raises:
            ConfigError: if it is too large, nested too deeply, damaged, or has a key twice.
        """
        path = self._normalize_file_name(config_path)
        place = Path(self.path) / path
        if place.is_file():
            read_yaml(place, error=ConfigError, advice="a configuration file is YAML with each key once")
        return super().load_config(config_path)


def check_trusted(composed: DictConfig, overridden: Sequence[str] = ()) -> None:
    """Refuse a composition that sets what only code may set.

    Args:
        composed: with its ``hydra`` node.
        overridden: the keys that the command itself sets.

    Raises:
        ConfigError: naming the key.
    """
    hydra = composed.hydra
    for key, value in OURS.items():
        node = hydra._get_node(key)
        if _plain(node) != value:
            if key in FOLDER_KEYS:
                given, ours = FOLDER_KEYS[key]
                raise ConfigError(f"{given} cannot be set: the folder is named with {ours}=DIR")
            raise ConfigError(f"hydra.{key} cannot be set: it can run code or write outside the run folder; {_ADVICE}")
    for key in ENVIRONMENT:
        if _plain(hydra.job._get_node(key)) and not any(name.startswith(f"hydra.job.{key}") for name in overridden):
            raise ConfigError(
                f"hydra.job.{key} can be set on the command line only: a variable can name a program to run; {_ADVICE}"
            )
    for part, allowed in (("launcher", LAUNCHERS), ("sweeper", SWEEPERS)):
        for place, target in _targets(_plain(hydra._get_node(part)), f"hydra.{part}"):
            known = allowed if place == f"hydra.{part}._target_" else ()
            if target not in known and not (part == "sweeper" and str(target).startswith(SAMPLERS)):
                raise ConfigError(
                    f"{place}={target} is refused: hydra.{part} can be {', '.join(allowed)}; a configuration names "
                    "options and never code"
                )
    rest = {key: composed._get_node(key) for key in composed if key != "hydra"}
    for name, node in rest.items():
        for place, target in _targets(_plain(node), str(name)):
            raise ConfigError(
                f"{place}={target} is refused: a configuration names options and never code; see docs/extending.md"
            )


def _plain(node: Any) -> Any:
    if OmegaConf.is_config(node):
        return None if node._is_none() else OmegaConf.to_container(node, resolve=False)
    return None if node is None else node._value()


def _targets(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the place and the value of every ``_target_`` inside a plain value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("_target_", "()"):
                yield f"{place}.{key}", inner
            else:
                yield from _targets(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _targets(inner, f"{place}[{index}]")
