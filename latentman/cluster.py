"""What becomes of a sweep's jobs on a SLURM cluster, told in the words of this program.

The launcher plugin raises at the first job that left no result and forgets the jobs behind it, and it says nothing of
the jobs that go on without it. Here a job that died is a failed job like any other: the sweep waits for all of them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from latentman.errors import LatentManError

_PLUGIN = "hydra_plugins.hydra_submitit_launcher.submitit_launcher"

Launch = Callable[[Any, Sequence[Sequence[str]], int], Sequence[Any]]


class ClusterError(LatentManError):
    """A job that the cluster did not take, or that ended there without a result."""


@contextlib.contextmanager
def cluster_jobs_told() -> Iterator[None]:
    """Let submitit's launcher, if Hydra has found it, wait for every job and speak plainly."""
    plugin = sys.modules.get(_PLUGIN)
    if plugin is None:
        yield
        return
    owner = plugin.BaseSubmititLauncher
    original = owner.launch
    owner.launch = _plain(original)
    try:
        yield
    finally:
        owner.launch = original


def _plain(original: Launch) -> Launch:
    """Return submitit's way to launch, with every job waited for and its errors made ours."""

    def launch(launcher: Any, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        with _dead_jobs_have_results():
            try:
                return original(launcher, job_overrides, initial_job_idx)
            except (FailedJobError, FailedSubmissionError) as error:
                raise ClusterError(f"the cluster did not take the jobs: {_last_line(str(error))}") from error

    return launch


@contextlib.contextmanager
def _dead_jobs_have_results() -> Iterator[None]:
    """Let a job that left no result have the result of a job that failed."""
    from submitit.core.core import Job
    from submitit.core.utils import UncompletedJobError

    original = Job.results

    def results(job: Job[Any]) -> list[Any]:
        try:
            return original(job)
        except UncompletedJobError as error:
            return [_failed(job, error)]
        except KeyboardInterrupt:
            number = job.job_id.partition("_")[0]
            sys.stderr.write(f"the jobs stay in the queue and go on by themselves; scancel {number} ends them\n")
            raise

    Job.results = results
    try:
        yield
    finally:
        Job.results = original


def _failed(job: Any, error: Exception) -> Any:
    """Return what Hydra would have got from a job that raised, with an error that names the job."""
    from hydra.core.utils import JobReturn, JobStatus

    overrides, _, number = job.submission().args[:3]
    text = str(error)
    if "has not produced any output" in text:
        what = f"ended without a result, SLURM calls it {job.state or 'UNKNOWN'}"
    else:
        what = _last_line(text.rpartition("\n----")[0])
    told = ClusterError(
        f"job {number} of the sweep ({' '.join(overrides)}), {job.job_id} of the queue: {what}\n"
        f"its log: {job.paths.stderr}"
    )
    result = JobReturn(overrides=overrides, status=JobStatus.FAILED)
    result.return_value = told
    return result


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
