"""Where the jobs of a sweep run: what a launcher needs, and how it is made."""

from __future__ import annotations

import shutil
from typing import Any

from hydra.core.plugins import Plugins
from hydra.errors import MissingConfigException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig

from latentman.errors import ConfigError, LatentManError, MissingExtraError

PLUGINS = {
    "hydra/launcher/submitit_slurm": ("slurm and slurm_local", "hydra-submitit-launcher", "slurm"),
    "hydra/launcher/joblib": ("local_procs", "hydra-joblib-launcher", "sweep"),
}
"""What our presets are made from: the presets, the package that brings it, and the extra that installs that."""

SLURM = "latentman.engine.cluster.SlurmLauncher"
"""The launcher of our SLURM presets, by the name that it has in ``conf/hydra/launcher/slurm.yaml``."""

PLAIN_SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
"""The launcher of the plugin, from which ours is derived."""


def missing_plugin(error: BaseException) -> LatentManError | None:
    """Return the error that names the extra to install, if that is what Hydra could not find."""
    if not isinstance(error, MissingConfigException) or error.missing_cfg_file not in PLUGINS:
        return None
    presets, package, extra = PLUGINS[error.missing_cfg_file]
    return MissingExtraError(
        f"hydra/launcher={presets}: the package {package} is not installed: pip install 'latentman[{extra}]'"
    )


def check_launcher(hydra: Any, mode: RunMode) -> None:
    """Refuse a launcher that would be ignored, or that cannot reach its cluster.

    Args:
        hydra: the ``hydra`` node of the composed configuration.
        mode: of the command.

    Raises:
        ConfigError: for a single run, which Hydra never hands to a launcher, and for SLURM without its programs.
    """
    choice = hydra.runtime.choices.get("hydra/launcher", "basic")
    if choice == "basic":
        return
    if mode != RunMode.MULTIRUN:
        raise ConfigError(
            f"hydra/launcher={choice} takes the jobs of a sweep, and this is a single run, which would start on this "
            "machine: add -m to make it a sweep of one job, or leave the launcher out"
        )
    if hydra.launcher.get("_target_") in (SLURM, PLAIN_SLURM):
        absent = [program for program in ("sbatch", "srun", "sacct") if shutil.which(program) is None]
        if absent:
            raise ConfigError(
                f"hydra/launcher={choice}: {', '.join(absent)} not found, so this machine cannot reach a SLURM "
                "cluster: run the command on the cluster's login node, or use hydra/launcher=local_procs"
            )


def make_launcher(config: DictConfig, context: HydraContext, task: TaskFunction) -> Launcher:
    """Return the launcher that a sweep's configuration chooses: ours for SLURM, or a plugin of Hydra.

    Args:
        config: the composed configuration of the sweep, with its ``hydra`` node.
        context: what the launcher composes its jobs with.
        task: the function that carries out a job.
    """
    if config.hydra.launcher.get("_target_") != SLURM:  # Hydra makes only classes of installed plugins
        return Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
    from latentman.engine.cluster import SlurmLauncher

    launcher = SlurmLauncher(**{key: value for key, value in config.hydra.launcher.items() if key != "_target_"})
    launcher.setup(hydra_context=context, task_function=task, config=config)
    return launcher


def for_other_sweepers(config: DictConfig) -> DictConfig:
    """Return a sweep's configuration with the plugin's SLURM launcher in place of ours.

    A sweeper of a plugin makes its launcher itself, through Hydra, which makes only classes of installed plugins.
    """
    if config.hydra.launcher.get("_target_") == SLURM:
        config.hydra.launcher["_target_"] = PLAIN_SLURM
    return config
