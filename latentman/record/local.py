"""The local record of one run: ``status.json`` and ``metrics.json`` in its folder.

``status.json`` is replaced as a whole, atomically, at every change: a reader never sees a half-written file, and a
killed process leaves the last state that it recorded. Success is judged by this file alone, because a queue reports a
failed Hydra job as COMPLETED.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from latentman import __version__
from latentman.errors import RecordError
from latentman.files.json_file import read_json_object
from latentman.files.opening import missing_as
from latentman.system.paths import write_json

STATUS_FILE = "status.json"
METRICS_FILE = "metrics.json"

FORMAT = 2
"""Format of ``status.json``. A file without a number is format 1, whose ``baseline`` maps groups to options only."""


class LaterFormatError(RecordError):
    """A record that a later version of latentman wrote."""


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file of a run folder.

    Raises:
        RecordError: if the file is missing, unreadable, damaged, or holds something other than an object.
    """
    with missing_as(path, error=RecordError, advice="is this the folder of a run?"):
        return read_json_object(
            path, error=RecordError, advice="delete it to start this run again, or choose another run_dir"
        )
    raise AssertionError  # missing_as() never swallows


def check_format(path: Path, status: Mapping[str, Any]) -> None:
    """Refuse a record that a later version of latentman wrote; earlier formats are accepted unchanged.

    Args:
        path: the file, for the message.
        status: its content.

    Raises:
        LaterFormatError: if its format is later than ``FORMAT``.
        RecordError: if its format is not a whole number of at least 1.
    """
    number = status.get("format", 1)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise RecordError(
            f"{path}: 'format' is {number!r} and must be a whole number of at least 1; "
            "delete the file to start this run again"
        )
    if number > FORMAT:
        versions = status.get("versions")
        writer = versions.get("latentman", "unknown") if isinstance(versions, Mapping) else "unknown"
        raise LaterFormatError(
            f"{path} has format {number}, written by latentman {writer}; this is latentman {__version__}, which reads "
            f"formats up to {FORMAT}: install that version or a later one"
        )


class StageObserver(Protocol):
    """Receives the beginning and the end of each stage."""

    def begin(self, stage: str, hash: str) -> None:
        """Handle the start of a stage on inputs with this hash."""

    def end(self, stage: str, seconds: float, peak_memory_bytes: int) -> None:
        """Handle the end of a stage, just before the record is updated."""


@dataclass
class LocalRecord:
    """The status of the run in ``run_dir``; every change is on disk when the call returns."""

    run_dir: Path
    status: dict[str, Any] = field(default_factory=dict)
    observer: StageObserver | None = None

    @classmethod
    def open(cls, run_dir: Path) -> LocalRecord:
        """Load the record of a folder, or begin an empty one; nothing is written yet.

        Raises:
            RecordError: if there is a ``status.json`` that is damaged or that a later version wrote.
        """
        path = run_dir / STATUS_FILE
        status = read_object(path) if path.exists() else {}
        check_format(path, status)
        stages = status.setdefault("stages", {})
        if not isinstance(stages, dict) or not all(isinstance(entry, dict) for entry in stages.values()):
            raise RecordError(f"{path}: 'stages' must be an object of objects; delete the file to start this run again")
        return cls(run_dir, status)

    def update(self, **fields: Any) -> None:
        """Set fields of the status and write it in the current format.

        Raises:
            RecordError: if the folder cannot be written.
        """
        self.status.update(fields, format=FORMAT)
        write_json(self.run_dir / STATUS_FILE, self.status)

    def stage(self, name: str) -> dict[str, Any] | None:
        """Return a stage's state, hash, seconds and peak memory; None before its first start."""
        entry: dict[str, Any] | None = self.status["stages"].get(name)
        return entry

    def begin(self, name: str, hash: str, **more: Any) -> None:
        """Record that a stage starts on inputs with this hash; seconds already spent on the same inputs are kept."""
        before = self.stage(name) or {}
        seconds = before.get("seconds") if before.get("hash") == hash else None
        entry = {"state": "running", "hash": hash, "seconds": seconds, "peak_memory_bytes": None, **more}
        self.status["stages"][name] = entry
        self.update(stage=name)
        if self.observer is not None:
            self.observer.begin(name, hash)

    def end(self, name: str, seconds: float, peak_memory_bytes: int, **more: Any) -> None:
        """Record the end of a stage, its costs, and what else is known, such as the digests of its files.

        Raises:
            RecordError: if the stage was never begun.
        """
        entry = self.stage(name)
        if entry is None:
            raise RecordError(f"stage '{name}' ends in {self.run_dir} but was never begun")
        if self.observer is not None:
            self.observer.end(name, seconds, peak_memory_bytes)
        entry.update(state="done", seconds=seconds, peak_memory_bytes=peak_memory_bytes, **more)
        self.update(stage=None)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write ``metrics.json``.

        Raises:
            RecordError: if the folder cannot be written, or a number is not finite.
        """
        try:
            write_json(self.run_dir / METRICS_FILE, dict(metrics))
        except ValueError as error:
            raise RecordError(
                f"cannot write {self.run_dir / METRICS_FILE}: a metric is not finite ({error}); give null and a reason"
            ) from error
