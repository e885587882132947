"""The interface of a tracker, which every mirror of the local record implements.

Any method may raise: ``multi.py`` calls it inside a guard, and the run continues without the tracker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """The run that a tracker is opened for.

    ``id`` stays the same when a run is continued; ``group`` is shared by the runs of a sweep; ``job_type`` is
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
    """The address or the folder where the mirror can be viewed."""

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Log the configuration: nested plain data without paths and secrets."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log finite numbers by name: of a step, counted from 1, or of the whole run (None)."""

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Log a table of texts, numbers and None."""

    def log_video(self, name: str, path: Path, caption: str) -> None:
        """Log a finished MP4."""

    def log_file(self, name: str, path: Path) -> None:
        """Log a file; an HTML page is displayed if the tracker can do that."""

    def finish(self, status: str) -> None:
        """Finish with ``done``, ``failed`` or ``interrupted``, and send everything still pending."""
