"""What a launcher needs: its package, a command that is a sweep, and for a cluster the programs that reach it."""

from __future__ import annotations

import shutil
from typing import Any

from hydra.errors import MissingConfigException
from hydra.types import RunMode

from latentman.errors import ConfigError, LatentManError, MissingExtraError

PLUGINS = {
    "hydra/launcher/submitit_slurm": ("slurm and slurm_local", "hydra-submitit-launcher", "slurm"),
    "hydra/launcher/joblib": ("local_procs", "hydra-joblib-launcher", "sweep"),
}
"""What our presets are made from: the presets, the package that brings it, and the extra that installs that."""


def missing_plugin(error: BaseException) -> LatentManError | None:
    """Return the error that names the extra to install, if that is what Hydra could not find."""
    if not isinstance(error, MissingConfigException) or error.missing_cfg_file not in PLUGINS:
        return None
    presets, package, extra = PLUGINS[error.missing_cfg_file]
    return MissingExtraError(
        f"hydra/launcher={presets}: the package {package} is not installed: pip install 'latentman[{extra}]'"
    )


def check_launcher(hydra: Any, mode: RunMode) -> None:
    """Refuse a launcher that would be passed over, or that cannot reach its cluster.

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
            f"hydra/launcher={choice} takes the jobs of a sweep, and this is one run, which would start right here: "
            "add -m to make it a sweep of one job, or leave the launcher out"
        )
    if str(hydra.launcher.get("_target_", "")).endswith(".SlurmLauncher"):
        absent = [program for program in ("sbatch", "srun", "sacct") if shutil.which(program) is None]
        if absent:
            raise ConfigError(
                f"hydra/launcher={choice}: {', '.join(absent)} not found, so there is no SLURM cluster to be reached "
                "from here: run this on its login node, or take hydra/launcher=local_procs"
            )
