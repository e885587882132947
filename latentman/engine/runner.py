"""Runs a configuration: one prompt in one folder, or a set of prompts as one job.

The edge of the program: here the composed configuration becomes objects, stages are skipped or done, and the state of
the run is written into the folder's ``status.json``.
"""

from __future__ import annotations

import logging
import platform
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from latentman import __version__
from latentman.config import Config, resolve
from latentman.engine.closing import closing_lines
from latentman.engine.job import Job, Task, describe_job, plan_tasks
from latentman.errors import LatentManError, PromptsError
from latentman.pipeline.execute import run_stages
from latentman.pipeline.iuv_files import check_iuv
from latentman.pipeline.origins import check_character
from latentman.pipeline.run import describe_run
from latentman.pipeline.stages.metrics import check_metrics
from latentman.record.local import LocalRecord
from latentman.record.metrics_file import with_costs, write_means
from latentman.record.run_folder import claim, write_config
from latentman.report.baseline import baseline_score
from latentman.system.locks import locked
from latentman.system.log import configure_logging
from latentman.system.machine_faults import machine_faults_told
from latentman.system.progress import Progress
from latentman.system.termination import terminable
from latentman.tracking.multi import check_installed
from latentman.tracking.protocol import TrackedRun
from latentman.tracking.public_config import public_config
from latentman.tracking.run_tracking import RunTracking, mirror_id, tracked

if TYPE_CHECKING:
    from latentman.networks.resolved import ResolvedSetup

logger = logging.getLogger("latentman")


def execute(cfg: Any) -> float | None:
    """Run one job and return its H_MSE, which a sweeper may minimise.

    Raises:
        LatentManError: a mistake that the user can fix; the folder's status then has the same message.
    """
    config = resolve(cfg)
    job = describe_job(cfg, config)
    try:
        setup = _prepare(config)
    except LatentManError as error:
        if job.sweep_dir is not None:
            _record_refusal(job, config, error)
        raise
    with locked(job.folder), terminable():
        tasks = plan_tasks(cfg, config, job)
        try:
            if len(tasks) == 1 and tasks[0].folder == job.folder:
                return run_task(tasks[0], job, setup)
            return run_job(tasks, job, setup)
        except KeyboardInterrupt:
            if config.run_dir is not None or job.sweep_dir is not None:
                raise  # the same command continues
            raise KeyboardInterrupt(f"interrupted; to continue, add run_dir={shlex.quote(str(job.folder))}") from None


def _prepare(config: Config) -> ResolvedSetup:
    """Set the threads, check before the first stage what can be checked, and return the setup of all prompts."""
    import torch

    from latentman.files.video_file import ffmpeg
    from latentman.networks.resolved import check_hub
    from latentman.pipeline.check_networks import check_networks
    from latentman.render.rasterize import get_rasterizer
    from latentman.system.cpus import usable_cpus
    from latentman.system.device import pick_device

    torch.set_num_threads(config.threads or min(torch.get_num_threads(), usable_cpus()))
    pick_device(config.device)
    setup = check_networks(config)
    check_hub(setup)
    check_character(config)
    get_rasterizer(config.renderer.name)
    check_iuv(config)
    check_metrics(config)
    check_installed(config.logger)
    ffmpeg()
    return setup


def _record_refusal(job: Job, config: Config, error: LatentManError) -> None:
    """Record the error of a sweep's job that fails before its first stage; earlier results in its folder stay."""
    with suppress(LatentManError), locked(job.folder):
        record = claim(job.folder, job.plain, overwrite=False)
        if record.status.get("state") != "done":
            kind = "job" if config.prompts.entries else "run"
            reason = {"class": type(error).__name__, "message": str(error)}
            record.update(kind=kind, state="failed", error=reason, finished=_now(), **job.facts())


def run_job(tasks: list[Task], job: Job, setup: ResolvedSetup) -> float | None:
    """Run every prompt of a set in its own folder, then write the means and an overview; return the mean H_MSE."""
    from latentman.report.pages.page import write_job_page

    record = claim(job.folder, job.plain, overwrite=job.overwrite)
    write_config(job.folder, job.text)
    record.update(
        kind="job", state="running", started=_now(), resumed=_now(), finished=None, error=None, num_prompts=len(tasks),
        **job.facts(),
    )  # fmt: skip
    display = Progress()
    failures: list[tuple[Task, Exception]] = []
    with _recorded(record):
        for index, task in enumerate(tasks):
            display.closing([f"prompt {index + 1} of {len(tasks)}: {task.config.prompt}"])
            try:
                run_task(task, job, setup)
            except Exception as error:
                failures.append((task, error))
                display.closing([f"failed: {str(error) or type(error).__name__}"])
        if failures:
            with suppress(LatentManError):  # the page shows the other prompts; the failures matter more than it
                write_job_page(job.folder)
            raise _of_all(failures, len(tasks))
        means = write_means(job.folder, [task.folder for task in tasks])
        write_job_page(job.folder)
    record.update(state="done", finished=_now())
    display.closing([f"page of all prompts  {job.folder / 'index.html'}"])
    return means.get("human_mse")


def _of_all(failures: list[tuple[Task, Exception]], prompts: int) -> Exception:
    """Return the error of a job some of whose prompts failed: a defect of ours as it is, else the list of them."""
    lines = [
        f"{task.folder.name}: {(str(error).splitlines() or [type(error).__name__])[0]}" for task, error in failures
    ]
    whole = f"{len(failures)} of {prompts} prompts failed; the others are done\n" + "\n".join(lines)
    defect = next((error for _, error in failures if not isinstance(error, LatentManError)), None)
    if defect is None:
        return PromptsError(f"{whole}\nthe same command, with the folder of the job, makes only these again")
    defect.add_note(whole)
    return defect


def run_task(task: Task, job: Job, setup: ResolvedSetup) -> float | None:
    """Run one prompt in its folder, skipping what is done, and return its H_MSE.

    Args:
        task: the prompt and its folder.
        job: what it belongs to.
        setup: the job's, resolved and checked.
    """
    from latentman.report.pages.page import write_run_page

    folder, config = task.folder, task.config
    record = claim(folder, task.plain, overwrite=job.overwrite)
    write_config(folder, task.text)
    started = record.status.get("started") or _now()
    with (
        Progress() as progress,
        configure_logging(folder / "log.txt", progress.console) as warned,
        tracked_task(task, job, record, started) as tracking,  # outside the next, which writes the status first
        _recorded(record),
    ):
        run = describe_run(config, folder, setup=setup, on_step=tracking.step, dtype=record.status.get("dtype"))
        record.update(
            kind="run", state="running", started=started, finished=None, error=None, resumed=_now(),
            prompt=config.prompt, seed=config.seed, num_frames=config.num_frames,
            num_steps=config.num_steps, dtype=run.config.setup.dtype, weights=run.weights, texts=run.texts,
            command=task.command,
            versions=_versions(), **job.facts(),
        )  # fmt: skip
        run_stages(run, record, progress)
        record.update(warnings=sorted({*record.status.get("warnings", []), *warned}))
        metrics = with_costs(folder, record.status)
        record.write_metrics(metrics)
        record.update(state="done", stage=None, finished=_now())
        write_run_page(folder)
        tracking.scores(metrics, config.prompt)
        baseline = baseline_score(job.sweep_dir, record.status)
        progress.closing([*closing_lines(folder, metrics, baseline), *tracking.closing_lines()])
    return metrics.get("human_mse")


@contextmanager
def _recorded(record: LocalRecord) -> Iterator[None]:
    """Write how a run ends into its status; an error is raised again, a fault of the machine as a message."""
    try:
        with machine_faults_told("the run stopped"):
            yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
        try:
            record.update(
                state="interrupted" if interrupted else "failed",
                error=None if interrupted else {"class": type(error).__name__, "message": str(error)},
                finished=_now(),
            )
        except LatentManError as second:
            # A full or read-only disk: the first error is more useful than that its status could not be written.
            logger.warning("the status could not be written: %s", second)
        raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    names = ("torch", "diffusers", "transformers", "numpy", "scipy", "hydra-core")
    return {"latentman": __version__, "python": platform.python_version(), **{name: version(name) for name in names}}


@contextmanager
def tracked_task(task: Task, job: Job, record: LocalRecord, started: str) -> Iterator[RunTracking]:
    """Report a run and its stages to its trackers until the block ends.

    Args:
        task: the prompt and its folder.
        job: what it belongs to.
        record: of the folder, as an earlier process left it.
        started: when the run was first started; with the folder it makes the run's id.
    """
    about = {**public_config(task.plain), "latentman": {"version": __version__, "choices": job.choices}}
    with tracked(task.config.logger, describe_tracked(task, job, started), record, about) as tracking:
        record.observer = tracking
        try:
            yield tracking
        finally:
            record.observer = None


def describe_tracked(task: Task, job: Job, started: str) -> TrackedRun:
    """Return the names under which trackers know a run.

    The id holds the start in addition to the folder: a run that is deleted and made again, or one in a folder of the
    same name on another machine, is another run.
    """
    whole = job.sweep_dir or job.folder
    is_alone = task.folder == whole
    config = task.config
    chosen = {
        "method": job.choices.get("method"),
        "motion": config.motion.name,
        "sampler": config.sampler.name,
        "solver": config.solver.name,
    }
    return TrackedRun(
        folder=task.folder,
        id=mirror_id(task.folder, started),
        name=task.folder.name if is_alone else task.folder.relative_to(whole).as_posix(),
        group=job.name if is_alone else f"{job.name}/{whole.name}",
        job_type="generate",
        tags=(*config.tags, *(f"{key}={value}" for key, value in chosen.items() if value)),
    )
