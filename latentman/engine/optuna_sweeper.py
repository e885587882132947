"""Our sweeper over Optuna: it chooses the jobs of a sweep as it goes, from the results of the earlier ones.

Each batch of trials is written to the study and then to the plan, launched, and told to the study. A search that is
killed between any two of these steps continues with the same command: trials without a result come first.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from latentman.engine.launchers import make_launcher
from latentman.engine.loader import OWN_TREE, Tree
from latentman.engine.optuna_study import SearchStudy, Trial, open_study
from latentman.engine.search import Search
from latentman.engine.sweep import Sweep, left_to_do
from latentman.record.jobs import DONE
from latentman.record.metrics_file import read_metrics
from latentman.record.status import read_status
from latentman.record.sweep_plan import PlannedJob, write_plan


class OptunaSweeper(Sweeper):
    """Searches for the settings whose scores no other settings beat."""

    def __init__(self, search: Search, sweep: Sweep, tree: Tree = OWN_TREE) -> None:
        """Make a sweeper.

        Args:
            search: what is searched.
            sweep: the sweep whose plan the trials are added to.
            tree: where the configuration is read from.
        """
        self._search = search
        self._sweep = sweep
        self._tree = tree
        self._launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher that the configuration chooses."""
        self._launcher = make_launcher(config, hydra_context, task_function)

    def sweep(self, arguments: list[str]) -> Iterator[JobReturn]:
        """Carry out the trials that are left and yield the result of each job.

        A trial whose job fails has no result, and the next command tries it again.

        Args:
            arguments: the overrides of the command; what they mean is in the search already.

        Raises:
            RecordError: if the study is damaged, or of another search.
        """
        with open_study(self._sweep.folder, self._search) as study:
            waiting = study.unfinished()
            self._announce(study, len(waiting))
            launched = 0
            while batch := self._next(study, waiting):
                for result in self._launch(batch, launched):
                    launched += 1
                    yield result
                for trial in batch:
                    self._tell(study, trial)

    def _next(self, study: SearchStudy, waiting: list[Trial]) -> list[Trial]:
        """Return the trials to launch together: those that wait for a result, then new ones; none at the end."""
        size = self._search.batch_size
        batch, waiting[:] = waiting[:size], waiting[size:]
        while len(batch) < size and study.num_trials < self._search.num_trials:
            batch.append(study.ask())
        return batch

    def _launch(self, batch: list[Trial], number: int) -> Iterator[JobReturn]:
        """Write a batch into the plan and launch those of its jobs that are not finished."""
        assert self._launcher is not None
        self._sweep = self._sweep.extended(self._search.space.job(trial.values) for trial in batch)
        write_plan(self._sweep.folder, self._sweep.plan)
        left = left_to_do(self._sweep, self._tree)
        for trial in batch:
            values = " ".join(f"{key}={value}" for key, value in trial.values.items())
            sys.stderr.write(f"job {self._job(trial).number}, of {self._search.num_trials} trials: {values}\n")
        if left:
            jobs = [self._sweep.overrides(job) for job in left]
            yield from self._launcher.launch(jobs, initial_job_idx=number)

    def _tell(self, study: SearchStudy, trial: Trial) -> None:
        """Tell the study the result of a trial whose job is done."""
        job = self._job(trial)
        if read_status(self._sweep.folder / job.folder).get("state") != DONE:
            return
        values = self._values(job)
        missing = [name for name, value in values.items() if value is None]
        if missing:
            sys.stderr.write(f"job {job.number} has no {', '.join(missing)}: it is left out of the search\n")
        else:
            scores = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
            sys.stderr.write(f"job {job.number}: {scores}\n")
        study.tell(trial, None if missing else [value for value in values.values() if value is not None])

    def _job(self, trial: Trial) -> PlannedJob:
        """Return the job of a trial that is in the plan; trials of the same values share one."""
        job = self._sweep.plan.find(self._search.space.job(trial.values))
        assert job is not None
        return job

    def _values(self, job: PlannedJob) -> dict[str, float | None]:
        """Return the value of each objective; None where the run has no finite one."""
        metrics = read_metrics(self._sweep.folder / job.folder)
        found = {name: metrics.get(name) for name in self._search.objectives}
        return {
            name: float(value) if isinstance(value, int | float) and math.isfinite(value) else None
            for name, value in found.items()
        }

    def _announce(self, study: SearchStudy, waiting: int) -> None:
        """Say how far a continued search is; print nothing for a new one."""
        if study.num_trials:
            again = f", {waiting} without a result to run again" if waiting else ""
            left = max(0, self._search.num_trials - study.num_trials)
            folder = self._sweep.folder
            sys.stderr.write(f"{folder}: {study.num_done} trials are done{again}; {left} new ones to run\n")
