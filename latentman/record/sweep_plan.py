"""The plan of a sweep, ``sweep.json`` in its folder. It lists all jobs, also those that never started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latentman.config import NOT_PART_OF_THE_RESULT
from latentman.errors import RecordError
from latentman.files.model_file import read_model
from latentman.files.opening import FlawError, reading
from latentman.system.paths import write_json

PLAN_FILE = "sweep.json"

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job of a sweep: its number, the name of its folder and its overrides."""

    number: int
    folder: str
    overrides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """The jobs of a sweep and the command that started it."""

    name: str
    command: str
    commit: str | None
    created: str
    jobs: tuple[PlannedJob, ...]
    objectives: dict[str, str] | None = None
    """Of a search: ``minimize`` or ``maximize`` for each metric. Its jobs are added as they are chosen."""

    def find(self, overrides: Sequence[str]) -> PlannedJob | None:
        """Return the job with these overrides, ``sweep_dir`` aside; None if there is no such job."""
        for key in (exact_key, job_key):
            wanted = key(overrides)
            for job in self.jobs:
                if key(job.overrides) == wanted:
                    return job
        return None

    def varied(self) -> list[str]:
        """Return the keys in which jobs differ, in the order of the first job that has them."""
        jobs = [dict(_pair(override) for override in job.overrides) for job in self.jobs]
        keys = dict.fromkeys(key for job in jobs for key in job)
        return [key for key in keys if len({job.get(key) for job in jobs}) > 1]


def _pair(override: str) -> tuple[str, str]:
    key, _, value = override.lstrip("+").partition("=")
    return key, value


@dataclass(frozen=True, slots=True)
class _Format:
    format: int


def job_key(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the overrides that identify a job: those that can change a result, sorted."""
    return _without(NOT_PART_OF_THE_RESULT, overrides)


def exact_key(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return all overrides of a job, sorted, without the folder of its sweep."""
    return _without(("sweep_dir",), overrides)


def _without(keys: Sequence[str], overrides: Sequence[str]) -> tuple[str, ...]:
    plain = (override.lstrip("+") for override in overrides)
    return tuple(sorted(text for text in plain if text.partition("=")[0].partition(".")[0] not in keys))


def read_plan(folder: Path) -> SweepPlan | None:
    """Return the plan in a sweep's folder; None if there is none, as in sweeps of older versions.

    Raises:
        RecordError: if the plan cannot be read, is damaged, or was written by a later version.
    """
    path = folder / PLAN_FILE
    advice = "delete it and give the same command again, which writes a new plan"
    try:
        number = read_model(path, _Format, error=RecordError, advice=advice).format
        if number > _FORMAT:
            raise RecordError(
                f"{path} has format {number}; this latentman reads formats up to {_FORMAT}: use the version "
                "that wrote it, or choose another sweep_dir"
            )
        plan = read_model(path, SweepPlan, error=RecordError, advice=advice)
    except FileNotFoundError:
        return None
    with reading(path, error=RecordError, advice=advice):
        if any(not _is_plain(job.folder) for job in plan.jobs):
            raise FlawError("the folder of a job must be a plain name")
    return plan


def _is_plain(name: str) -> bool:
    return Path(name).name == name and name not in ("", ".", "..") and name.isprintable() and len(name) < 250


def write_plan(folder: Path, plan: SweepPlan) -> None:
    """Write the plan into a sweep's folder.

    Raises:
        RecordError: if the folder cannot be written.
    """
    jobs = [{"number": job.number, "folder": job.folder, "overrides": list(job.overrides)} for job in plan.jobs]
    facts: dict[str, object] = {"name": plan.name, "command": plan.command, "commit": plan.commit}
    facts["created"] = plan.created
    if plan.objectives is not None:
        facts["objectives"] = plan.objectives
    write_json(folder / PLAN_FILE, {"format": _FORMAT, **facts, "jobs": jobs})
