"""A sweep as a whole, in the process that launches it: its folder and plan before the jobs start, and its end."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from latentman.config import Config, resolve
from latentman.engine.compose import Command, compose_jobs
from latentman.engine.job import commit, folder_name, make_job, plan_tasks, unused
from latentman.engine.loader import OWN_TREE, Tree
from latentman.engine.overrides import quote
from latentman.errors import ConfigError, LatentManError, RecordError
from latentman.record.jobs import DONE, WAITING, JobState, sweep_jobs
from latentman.record.local import STATUS_FILE, LocalRecord
from latentman.record.run_folder import is_leftover, is_of, remove_leftovers
from latentman.record.status import read_status
from latentman.record.sweep_plan import PLAN_FILE, PlannedJob, SweepPlan, exact_key, job_key, read_plan, write_plan
from latentman.system.locks import LOCK_FILE, is_locked, locked
from latentman.system.machine_faults import told
from latentman.system.paths import PARTIAL, user_path

OURS = (PLAN_FILE, "multirun.yaml", ".submitit")
"""What shows that a folder is a sweep's; the second is the composed configuration, under Hydra's name."""

_JOB_NAME = re.compile(r"\d\d+(_|$)")

Failure = tuple[BaseException, list[str]]
"""What a job ended with, and its overrides."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep that is about to run: all of its jobs, and those that this command asks for."""

    folder: Path
    plan: SweepPlan
    asked: tuple[PlannedJob, ...]
    overwrite: bool

    def extended(self, jobs: Iterable[tuple[str, ...]]) -> Sweep:
        """Return the sweep with jobs added to its plan, asking for these alone; a job that is there is not added again.

        Args:
            jobs: the overrides of each.
        """
        plan, asked = self.plan, {}
        for overrides in jobs:
            job = plan.find(overrides)
            if job is None:
                number = max((known.number for known in plan.jobs), default=-1) + 1
                job = PlannedJob(number, folder_name(number, overrides), overrides)
                plan = replace(plan, jobs=(*plan.jobs, job))
            asked[job.number] = job
        return replace(self, plan=plan, asked=tuple(asked.values()))

    def reread(self) -> Sweep:
        """Return the sweep with the plan that is in its folder now, asking for all of its jobs."""
        plan = read_plan(self.folder) or self.plan
        return replace(self, plan=plan, asked=plan.jobs)

    def overrides(self, job: PlannedJob) -> list[str]:
        """Return what Hydra is given for a job."""
        return in_folder(job.overrides, self.folder)

    def states(self, failures: Sequence[Failure] = ()) -> list[JobState]:
        """Return how far every job of the plan is, from its folder and from the error that its launcher received.

        Raises:
            RecordError: if the folder cannot be read.
        """
        received: dict[int, str] = {}
        for error, overrides in failures:
            if (job := self.plan.find(overrides)) is not None:
                lines = str(error).splitlines() or [""]
                received[job.number] = f"{type(error).__name__}: {lines[0]}".rstrip(": ")
        return [_with_error(state, received.get(state.number)) for state in sweep_jobs(self.folder)]

    def is_done(self, states: Sequence[JobState]) -> bool:
        """Return whether every job that was asked for is done."""
        asked = {job.number for job in self.asked}
        return all(job.state == DONE for job in states if job.number in asked)


def in_folder(overrides: Sequence[str], folder: Path) -> list[str]:
    """Return overrides that name the folder of their sweep, which is then the same in every process and at any time."""
    kept = [text for text in overrides if text.lstrip("+").partition("=")[0] != "sweep_dir"]
    return [*kept, f"sweep_dir={quote(str(folder))}"]


def prepare(command: Command, typed: Sequence[str]) -> Sweep:
    """Return the sweep that a command asks for: a new one, or an earlier one. Nothing is written yet.

    Args:
        command: with at least one job, or a search, whose jobs are added later.
        typed: the words of the command, for the record.

    Raises:
        ConfigError: if two of its jobs are the same.
        RecordError: if its folder holds something else, or another sweep.
    """
    folder = user_path(command.sweep_dir).absolute()
    if command.is_new:
        folder = unused(folder)
    _check_folder(folder)
    before = read_plan(folder)
    objectives = None if command.search is None else command.search.objectives
    if before is not None and before.objectives != objectives:
        raise RecordError(
            f"sweep_dir={folder} holds another {'search' if before.objectives else 'sweep'}; choose another sweep_dir, "
            f"or give the command that began it: {before.command}"
        )
    asked = _asked(command, before, folder)
    if before is None:
        _check_old_jobs(folder, asked)
    others = [job for job in (before.jobs if before else ()) if job.number not in {own.number for own in asked}]
    plan = SweepPlan(
        name=command.name,
        command=before.command if before else shlex.join(["latentman", "run", *typed]),
        commit=before.commit if before else commit(),
        created=before.created if before else datetime.now(UTC).isoformat(timespec="seconds"),
        jobs=tuple(sorted([*others, *asked], key=lambda job: job.number)),
        objectives=objectives,
    )
    return Sweep(folder, plan, tuple(asked), command.overwrite)


@contextmanager
def launched(sweep: Sweep) -> Iterator[None]:
    """Hold the folder of a sweep while its jobs are launched, with the plan in it.

    Raises:
        RecordError: if another process launches it, or the folder cannot be written.
    """
    with locked(sweep.folder, "sweep_dir"):
        _remove_leftovers(sweep.folder)
        write_plan(sweep.folder, sweep.plan)
        yield


def _remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files of a sweep, of its report and of its jobs, except jobs on which a process works."""
    with told(f"an unfinished file in sweep_dir={folder} cannot be removed", "check its permissions"):
        for path in folder.iterdir():
            if not path.is_dir():
                if is_leftover(path) and path.name != LOCK_FILE:
                    path.unlink(missing_ok=True)
            elif not (path / LOCK_FILE).exists():
                remove_leftovers(path)
            elif any(path.rglob(f"{PARTIAL}*")) and not is_locked(path):
                with locked(path, "run_dir"):
                    remove_leftovers(path)


def left_to_do(sweep: Sweep, tree: Tree = OWN_TREE) -> list[PlannedJob]:
    """Return the jobs that are not finished, except those on which another process works.

    A job counts as finished if its record says so, none of its files is missing, and all of them were made from what
    the configuration names now. No network is loaded to find out.

    Raises:
        ConfigError: if a job cannot be composed.
    """
    if sweep.overwrite:
        return list(sweep.asked)
    free = [job for job in sweep.asked if not is_locked(sweep.folder / job.folder)]
    states = {job.number: read_status(sweep.folder / job.folder).get("state") for job in free}
    recorded = [job for job in free if states[job.number] == DONE]
    composed = compose_jobs([job.overrides for job in recorded], tree)
    finished = {job.number for job, cfg in zip(recorded, composed, strict=True) if _is_finished(cfg, job, sweep)}
    return [job for job in free if job.number not in finished]


def announce(sweep: Sweep, left: Sequence[PlannedJob]) -> None:
    """Say how much of a continued sweep is left to do; print nothing for a new sweep."""
    if len(left) == len(sweep.asked):
        return
    elsewhere = sum(is_locked(sweep.folder / job.folder) for job in sweep.asked)
    done = len(sweep.asked) - len(left) - elsewhere
    rest = f", {elsewhere} running in other processes and left alone" if elsewhere else ""
    sys.stderr.write(f"{sweep.folder}: {done} of {len(sweep.asked)} jobs are done{rest}; {len(left)} to run\n")


def _with_error(state: JobState, error: str | None) -> JobState:
    if error is None:
        return state
    # A job that was refused before it began, or after it was done, has not recorded the refusal in its folder.
    is_silent = state.state in (WAITING, DONE)
    return replace(state, state="failed" if is_silent else state.state, error=state.error or error)


def _asked(command: Command, before: SweepPlan | None, folder: Path) -> list[PlannedJob]:
    """Return the jobs of a command with the numbers and folders that they have, or get."""
    key = job_key
    if len({key(job) for job in command.jobs}) < len(command.jobs):
        key = exact_key  # the swept values change no result, such as threads
    known = {key(job.overrides): job for job in (before.jobs if before else ())}
    taken = {job.number: job for job in known.values()}
    asked: dict[tuple[str, ...], PlannedJob] = {}
    for number, overrides in enumerate(command.jobs):
        own = key(overrides)
        if own in asked:
            raise ConfigError(
                f"jobs {asked[own].number} and {number} of this sweep are the same: {' '.join(overrides)}\n"
                "give every value once"
            )
        if own in known:
            asked[own] = PlannedJob(known[own].number, known[own].folder, overrides)
        elif number in taken:
            there, here = (" ".join(job_key(those)) for those in (taken[number].overrides, overrides))
            raise RecordError(
                f"sweep_dir={folder} holds another sweep: job {number} is '{there}' there and '{here}' here\n"
                f"choose another sweep_dir, or give the command that began it: {before.command if before else ''}"
            )
        else:
            asked[own] = PlannedJob(number, folder_name(number, overrides), overrides)
    return list(asked.values())


def _check_folder(folder: Path) -> None:
    """Refuse a folder that was not made by a sweep."""
    if folder.exists() and not folder.is_dir():
        raise RecordError(f"sweep_dir={folder} is a file; choose a folder")
    if (folder / STATUS_FILE).exists():
        raise RecordError(f"sweep_dir={folder} is the folder of one run, not of a sweep; choose another folder")
    with told(f"sweep_dir={folder} cannot be read", "choose another folder"):
        entries = [path for path in folder.iterdir() if not is_leftover(path)] if folder.is_dir() else []
        is_ours = any(path.name in OURS or _is_job(path) for path in entries)
    if entries and not is_ours:
        raise RecordError(
            f"sweep_dir={folder} holds files that are not from a sweep, such as {min(path.name for path in entries)}; "
            "choose another folder"
        )


def _is_job(path: Path) -> bool:
    """Return whether a folder has the name of a job and holds its record, or only what a killed start leaves."""
    if not (_JOB_NAME.match(path.name) and path.is_dir()):
        return False
    names = {inner.name for inner in path.iterdir()}
    return STATUS_FILE in names or (LOCK_FILE in names and all(is_leftover(path / name) for name in names))


def _check_old_jobs(folder: Path, asked: Sequence[PlannedJob]) -> None:
    """Refuse a sweep without a plan, of an older version, whose jobs have other names than these."""
    for job in asked:
        for path in folder.glob(f"{job.number:02d}*/{STATUS_FILE}"):
            name = path.parent.name
            if name.partition("_")[0] == f"{job.number:02d}" and name != job.folder:
                raise RecordError(
                    f"sweep_dir={folder} holds another sweep: job {job.number} is {name} there and {job.folder} here; "
                    "choose another sweep_dir"
                )


def _is_finished(cfg: object, job: PlannedJob, sweep: Sweep) -> bool:
    """Return whether nothing of a job that is recorded as done is missing or of another configuration."""
    from latentman.pipeline.execute import is_finished
    from latentman.pipeline.run import describe_run

    config: Config = resolve(cfg)
    described = make_job(cfg, config, overrides=job.overrides, sweep_dir=sweep.folder, planned=job)
    folders = {described.folder: described.plain}
    tasks = plan_tasks(cfg, config, described)
    folders |= {task.folder: task.plain for task in tasks}
    for folder, plain in folders.items():
        status = read_status(folder)
        if status.get("state") != DONE or not is_of(status, plain):
            return False
    try:
        for task in tasks:
            record = LocalRecord.open(task.folder)
            if not is_finished(describe_run(task.config, task.folder, dtype=record.status.get("dtype")), record):
                return False
    except LatentManError:  # weights that are gone: the job itself will say so
        return False
    return True
