"""The jobs of a sweep and the progress of each, from the plan, the records in their folders and their locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from latentman.errors import RecordError, WeightsError
from latentman.files.safetensors_file import METADATA, read_table
from latentman.record.local import STATUS_FILE
from latentman.record.metrics_file import read_metrics
from latentman.record.status import error_line, mapping, read_status
from latentman.record.sweep_plan import read_plan
from latentman.system.locks import is_locked

WAITING, RUNNING, DONE = "waiting", "running", "done"
FAILED = ("failed", "interrupted", "died", "damaged")
"""States of jobs that ended without a result. ``died``: the process ended without recording an end."""


@dataclass(frozen=True, slots=True)
class JobState:
    """The progress of one job."""

    number: int
    folder: str
    state: str
    prompts_done: int = 0
    prompts: int | None = None
    """Number of prompts; None before the job has started."""
    stage: str = ""
    """The stage of the prompt in progress, such as ``denoise 3/12``."""
    seconds: float | None = None
    """Seconds of finished work; for a running job, seconds since its last start."""
    seconds_per_prompt: tuple[float, ...] = ()
    human_mse: float | None = None
    error: str | None = None


def sweep_jobs(root: Path) -> list[JobState]:
    """Return the state of every job of a sweep, or of the one job or run whose folder it is.

    Raises:
        RecordError: if ``root`` is not a folder, holds no sweep, job or run, or its plan is damaged.
    """
    if not root.is_dir():
        raise RecordError(f"{root} is not a folder; give the folder of a sweep, such as runs/NAME/TIME")
    plan = read_plan(root)
    if plan is not None:
        return [_state(root, job.number, job.folder) for job in plan.jobs]
    if (root / STATUS_FILE).is_file():
        return [_state(root, 0, ".")]
    found = sorted(path.parent.name for path in root.glob(f"*/{STATUS_FILE}"))
    if not found:
        raise RecordError(
            f"no sweep in {root}: the folder holds neither a plan (sweep.json) nor the folder of a job; "
            "give the folder of a sweep, such as runs/NAME/TIME"
        )
    return [_state(root, number, folder) for number, folder in enumerate(found)]


def summary(jobs: Sequence[JobState]) -> str:
    """Return one line with the number of jobs in each state."""
    counts = Counter(job.state for job in jobs)
    parts = [f"{counts[state]} {state}" for state in (DONE, *FAILED, RUNNING, WAITING) if counts[state]]
    return f"{len(jobs)} jobs: {', '.join(parts)}"


def seconds_left(jobs: Sequence[JobState]) -> float | None:
    """Return an estimate of the seconds until all jobs have ended; None while no prompt is finished."""
    known = [seconds for job in jobs for seconds in job.seconds_per_prompt]
    if not known:
        return None
    usual = max((job.prompts for job in jobs if job.prompts is not None), default=1)
    left = sum((job.prompts or usual) - job.prompts_done for job in jobs if job.state in (RUNNING, WAITING))
    return left * median(known) / max(1, sum(job.state == RUNNING for job in jobs))


def _state(root: Path, number: int, name: str) -> JobState:
    folder = root / name
    if not (folder / STATUS_FILE).is_file():
        return JobState(number, name, RUNNING if is_locked(folder) else WAITING)
    status = read_status(folder)
    state = str(status.get("state"))
    if state == RUNNING and not is_locked(folder):
        state = "died"
    runs = [(folder, status)]
    if status.get("kind") == "job":
        inner = sorted(path.parent for path in folder.glob(f"*/{STATUS_FILE}"))
        runs = [(path, read_status(path)) for path in inner]
    costs = [_seconds(own) for _, own in runs]
    done = [own.get("state") == DONE for _, own in runs]
    prompts = status.get("num_prompts", len(runs)) if status.get("kind") == "job" else 1
    return JobState(
        number=number,
        folder=name,
        state=state,
        prompts_done=sum(done),
        prompts=prompts if isinstance(prompts, int) else len(runs),
        stage=next((_stage(path, own) for path, own in runs if own.get("stage")), "") if state != DONE else "",
        seconds=_since(status.get("resumed")) if state == RUNNING else sum(costs),
        seconds_per_prompt=tuple(cost for cost, is_done in zip(costs, done, strict=True) if is_done),
        human_mse=_number(read_metrics(folder).get("human_mse")) if state == DONE else None,
        error=error_line(status),
    )


def _stage(folder: Path, status: Mapping[str, Any]) -> str:
    """Return the stage that a run is in; for denoising also the step."""
    name = str(status["stage"])
    step = _saved_step(folder / "latents" / "state.safetensors") if name == "denoise" else None
    return name if step is None else f"{name} {step}/{status.get('num_steps', '?')}"


def _saved_step(path: Path) -> int | None:
    """Return the step in the header of a saved state; None if the file is missing or is being replaced."""
    try:
        return int(read_table(path).get(METADATA, {})["step"])
    except (FileNotFoundError, WeightsError, ValueError, KeyError):
        return None


def _seconds(status: Mapping[str, Any]) -> float:
    """Return the seconds that a run has taken; a stage that another run computed counts the seconds of fetching it."""
    entries = mapping(status, "stages").values()
    key = {True: "seconds_fetching", False: "seconds"}
    costs = (_number(entry.get(key[bool(entry.get("shared"))])) for entry in entries if isinstance(entry, Mapping))
    return sum(cost for cost in costs if cost is not None)


def _since(moment: Any) -> float | None:
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(str(moment))).total_seconds())
    except (ValueError, TypeError):
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
