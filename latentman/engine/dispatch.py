"""Hands composed jobs to Hydra: one run, the jobs of a sweep, or a sweep whose sweeper chooses its jobs as it goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from latentman.engine.launchers import for_other_sweepers, make_launcher
from latentman.engine.loader import OWN_TREE, Tree, composer

if TYPE_CHECKING:
    from latentman.engine.search import Search
    from latentman.engine.sweep import Sweep


def task(cfg: DictConfig) -> float | None:
    """Carry out one composed job, here or on a node, and return its H_MSE, which a sweeper may minimise."""
    from latentman.engine.runner import execute

    return execute(cfg)


def failure(result: JobReturn) -> BaseException | None:
    """Return the error that a job ended with, or None.

    ``JobReturn.return_value`` would raise it, and print the overrides first.
    """
    return result._return_value if result.status == JobStatus.FAILED else None


def run_one(overrides: list[str], tree: Tree = OWN_TREE) -> Any:
    """Carry out a single run in this process and return its H_MSE.

    Raises:
        Exception: the error that the run ended with.
    """
    with composer(tree) as loader:
        config = loader.load_configuration(tree.config_name, overrides, run_mode=RunMode.RUN)
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        result = run_job(
            task_function=task,
            config=config,
            job_dir_key="hydra.run.dir",
            job_subdir_key=None,
            hydra_context=HydraContext(config_loader=loader, callbacks=Callbacks()),
        )
    error = failure(result)
    if error is not None:
        raise error
    return result.return_value


@contextmanager
def _multirun(overrides: list[str], tree: Tree) -> Iterator[tuple[DictConfig, HydraContext]]:
    """Yield the configuration of a sweep, and what its launcher composes the jobs with."""
    with composer(tree) as loader:
        config = loader.load_configuration(tree.config_name, overrides, run_mode=RunMode.MULTIRUN)
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        yield config, HydraContext(config_loader=loader, callbacks=Callbacks())


def _write_multirun(config: DictConfig) -> None:
    """Write the configuration of a sweep into its folder."""
    folder = Path(str(config.hydra.sweep.dir))
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, folder / "multirun.yaml")


def launch(overrides: list[str], jobs: Sequence[Sequence[str]], tree: Tree = OWN_TREE) -> Iterator[JobReturn]:
    """Launch the jobs of a sweep with the launcher that it chooses, and yield the result of each.

    Args:
        overrides: of the sweep as a whole.
        jobs: the overrides of each job to run. ``hydra.sweeper.max_batch_size`` is how many are launched at a time.
        tree: where the configuration is read from.
    """
    with _multirun(overrides, tree) as (config, context):
        launcher = make_launcher(config, context, task)
        _write_multirun(config)
        number = 0
        lists = [list(job) for job in jobs]
        for batch in BasicSweeper.split_overrides_to_chunks(lists, config.hydra.sweeper.max_batch_size):
            yield from launcher.launch(batch, initial_job_idx=number)
            number += len(batch)


def search(overrides: list[str], wanted: Search, into: Sweep, tree: Tree = OWN_TREE) -> Iterator[JobReturn]:
    """Carry out a search for settings, and yield the result of each job that it launches.

    Args:
        overrides: of the search as a whole.
        wanted: what is searched.
        into: the sweep whose plan its jobs are added to; its folder is locked by the caller.
        tree: where the configuration is read from.

    Raises:
        RecordError: if the study in the folder is damaged, or of another search.
    """
    from latentman.engine.optuna_sweeper import OptunaSweeper

    with _multirun(overrides, tree) as (config, context):
        sweeper = OptunaSweeper(wanted, into, tree)
        sweeper.setup(hydra_context=context, task_function=task, config=config)
        _write_multirun(config)
        yield from sweeper.sweep(list(config.hydra.overrides.task))


def sweep(overrides: list[str], tree: Tree = OWN_TREE) -> None:
    """Let a sweeper of a plugin choose and launch the jobs of a sweep as it goes.

    Raises:
        Exception: the error of the first job that failed, if the sweeper ends there.
    """
    with _multirun(overrides, tree) as (config, context):
        sweeper = Plugins.instance().instantiate_sweeper(
            hydra_context=context, task_function=task, config=for_other_sweepers(config)
        )
        sweeper.sweep(arguments=list(config.hydra.overrides.task))
