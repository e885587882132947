"""The SLURM launcher: submitit's, but it waits for every job and reports a dead job as a failed one.

The plugin's own launcher raises at the first job without a result and forgets the jobs behind it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import submitit
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as PluginLauncher
from omegaconf import OmegaConf
from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError

from latentman.errors import LatentManError


class ClusterError(LatentManError):
    """A job that the cluster refused, or that ended there without a result."""


class SlurmLauncher(PluginLauncher):
    """Sends the jobs of a sweep to SLURM as one job array, and returns a result for each of them."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Send jobs to the queue and wait for all of them.

        Args:
            job_overrides: the overrides of each job.
            initial_job_idx: the number of the first.

        Returns:
            The result of each job, in order. A job that died has a ClusterError, a job that raised its own error.

        Raises:
            ClusterError: if the cluster refuses the jobs.
        """
        assert self.config is not None
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        # A node gets each job's overrides, the key of its folder, its number, a name, and Hydra's global state.
        jobs = [
            (list(overrides), "hydra.sweep.dir", number, f"job_id_for_{number}", Singleton.get_state())
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        try:
            sent = self._executor().map_array(self, *zip(*jobs, strict=True))
        except (FailedJobError, FailedSubmissionError) as error:
            raise ClusterError(f"the cluster refused the jobs: {_last_line(str(error))}") from error
        return [_result(job) for job in sent]

    def _executor(self) -> submitit.AutoExecutor:
        """Return what sends the jobs, with the settings of ``hydra.launcher``."""
        shared = set(OmegaConf.structured(BaseQueueConf).keys())
        settings = dict(self.params)
        folder, timeouts = settings.pop("submitit_folder"), settings.pop("max_num_timeout")
        executor = submitit.AutoExecutor(folder=folder, cluster=self._EXECUTOR, slurm_max_num_timeout=timeouts)
        executor.update_parameters(
            **{key if key in shared else f"slurm_{key}": value for key, value in settings.items()}
        )
        return executor


def _result(job: submitit.Job[Any]) -> JobReturn:
    """Wait for a job and return its result; a job that left none has the result of a job that failed."""
    try:
        result: JobReturn = job.results()[0]
        return result
    except UncompletedJobError as error:
        return _failed(job, error)
    except KeyboardInterrupt:
        number = job.job_id.partition("_")[0]
        sys.stderr.write(f"the jobs stay in the queue and continue there; scancel {number} ends them\n")
        raise


def _failed(job: submitit.Job[Any], error: Exception) -> JobReturn:
    """Return the result of a job that failed, with an error that names the job."""
    overrides, _, number = job.submission().args[:3]
    text = str(error)
    if "has not produced any output" in text:
        what = f"ended without a result, SLURM calls it {job.state or 'UNKNOWN'}"
    else:
        what = _last_line(text.rpartition("\n----")[0])
    reported = ClusterError(
        f"job {number} of the sweep ({' '.join(overrides)}), {job.job_id} of the queue: {what}\n"
        f"its log: {job.paths.stderr}"
    )
    result = JobReturn(overrides=overrides, status=JobStatus.FAILED)
    result.return_value = reported
    return result


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
