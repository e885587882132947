"""What a tracker can do. Whatever mirrors the local record implements ``Tracker`` and nothing more.

A tracker may raise whenever it likes: ``multi.py`` calls it inside a guard, and the run goes on without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """What a tracker is told when it is opened.

    ``id`` is the same whenever the same run goes on; ``group`` holds the runs of one sweep together; ``job_type`` is
    ``generate`` for a run and ``report`` for the summary of a sweep.
    """

    folder: Path
    id: str
    name: str
    group: str
    job_type: str
    tags: tuple[str, ...] = ()


class Tracker(Protocol):
    """A mirror of one run."""

    place: str
    """Where the mirror can be looked at: an address, or a folder."""

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Take the configuration: nested plain data, without paths and secrets."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Take numbers by name, all finite: those of a step, counted from 1, or those of the whole run (None)."""

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Take a table of texts, numbers and None."""

    def log_video(self, name: str, path: Path, caption: str) -> None:
        """Take a finished mp4."""

    def log_file(self, name: str, path: Path) -> None:
        """Take a file; a page of HTML is shown where the tracker can do that."""

    def finish(self, status: str) -> None:
        """End with ``done``, ``failed`` or ``interrupted``, and send what is still waiting."""
