"""The jobs of a sweep as a table: live while they run, and once at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from latentman.record.jobs import DONE, FAILED, RUNNING, WAITING, JobState, seconds_left, summary, sweep_jobs
from latentman.system.locks import is_locked

HEADINGS = ("job", "state", "prompts", "stage", "seconds", "H_MSE", "folder")
RIGHT = ("job", "prompts", "seconds", "H_MSE")
STYLES = {DONE: "green", RUNNING: "bold", WAITING: "dim", **dict.fromkeys(FAILED, "red")}


def watch(root: Path, *, once: bool = False, every_s: float = 1.0, console: Console | None = None) -> int:
    """Show the jobs of a sweep until all have ended; only once if ``once`` is set or there is no terminal.

    Returns:
        0 if every job is done or the table was shown once, else 1.

    Raises:
        RecordError: if there is no sweep in the folder.
    """
    console = console or Console(highlight=False)
    jobs = sweep_jobs(root)
    if once or not console.is_terminal:
        console.print(job_table(jobs, _footer(root, jobs)), soft_wrap=True)
        return 0
    with Live(job_table(jobs, _footer(root, jobs)), console=console, auto_refresh=False) as live:
        while not has_ended(root, jobs):
            time.sleep(every_s)
            jobs = sweep_jobs(root)
            live.update(job_table(jobs, _footer(root, jobs), height=console.height - 1), refresh=True)
        live.update(job_table(jobs, _footer(root, jobs)), refresh=True)
    return 0 if all(job.state == DONE for job in jobs) else 1


def has_ended(root: Path, jobs: Sequence[JobState]) -> bool:
    """Return whether no job is running and no command is left that will start the waiting ones."""
    states = {job.state for job in jobs}
    return RUNNING not in states and (WAITING not in states or not is_locked(root))


def job_table(jobs: Sequence[JobState], footer: str = "", height: int | None = None) -> Text:
    """Return the table: a line per job, and a second line for the error of a job that has one.

    Args:
        jobs: in the order of the lines.
        footer: a last line.
        height: maximum number of lines; jobs that are done or waiting are dropped first.
    """
    rows = [_cells(job) for job in jobs]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    lines: list[tuple[str, str, str]] = []
    for job, row in zip(jobs, rows, strict=True):
        lines.append((_line(row, widths), STYLES.get(job.state, ""), job.state))
        if job.error and job.state != DONE:
            lines.append((f"{'':{widths[0]}}  {job.error}", STYLES.get(job.state, ""), job.state))
    heading, end = _line(HEADINGS, widths), [footer] if footer else []
    hidden = 0
    if height is not None and (room := max(1, height - 3)) < len(lines):
        first = [line for line in lines if line[2] not in (DONE, WAITING)]
        kept = {id(line) for line in [*first, *(line for line in lines if line not in first)][:room]}
        hidden, lines = len(lines) - room, [line for line in lines if id(line) in kept]
    text = Text(heading + "\n", style="", no_wrap=True, overflow="ellipsis")
    for line, style, _ in lines:
        text.append(line + "\n", style)
    if hidden:
        text.append(f"... and {hidden} more lines\n", "dim")
    text.append("\n".join(end))
    text.rstrip()
    return text


def _cells(job: JobState) -> tuple[str, ...]:
    prompts = "" if job.prompts is None else f"{job.prompts_done}/{job.prompts}"
    seconds = "" if job.seconds is None else f"{job.seconds:.0f}"
    score = "" if job.human_mse is None else f"{job.human_mse:.1f}"
    return str(job.number), job.state, prompts, job.stage, seconds, score, job.folder


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = (
        cell.rjust(width) if heading in RIGHT else cell.ljust(width)
        for heading, cell, width in zip(HEADINGS, cells, widths, strict=True)
    )
    return "  ".join(aligned).rstrip()


def _footer(root: Path, jobs: Sequence[JobState]) -> str:
    text = summary(jobs)
    states = {job.state for job in jobs}
    if RUNNING in states or (WAITING in states and is_locked(root)):
        left = seconds_left(jobs)
        return text if left is None else f"{text}; about {_span(left)} left"
    if states != {DONE}:
        text += f"\nto continue, give the same command with sweep_dir={root}"
    return text


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
