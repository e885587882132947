"""Opens the tracking of one prompt in one folder: what the trackers are told of it, and under which names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from latentman import __version__
from latentman.job import Job, Task
from latentman.record.local import LocalRecord
from latentman.tracking.protocol import TrackedRun
from latentman.tracking.public_config import public_config
from latentman.tracking.run_tracking import RunTracking, mirror_id, tracked


@contextmanager
def tracked_task(task: Task, job: Job, record: LocalRecord, started: str) -> Iterator[RunTracking]:
    """Tell of a run, and of its stages as its record hears of them, until the block ends.

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

    The id holds the start beside the folder: a run that is thrown away and made anew, or one in a folder of the same
    name on another machine, is another run.
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
