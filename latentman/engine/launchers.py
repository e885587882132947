"""What a launcher needs: its package, a command that is a sweep, and for a cluster the programs that reach it."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
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
