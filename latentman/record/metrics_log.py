"""``metrics.jsonl``: the measurements of a run in progress, one JSON object per line, written as they happen.

The field ``event`` is ``step`` (a step of a stage, counted from 1, with its numbers), ``stage`` (the end of a stage
and its cost) or ``scores`` (the numbers of ``metrics.json``). Steps and stages carry the hash of the stage's inputs. A
run that continues after a kill repeats no event. When a stage starts on other inputs, its earlier events are removed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.files.json_file import parse_json
from latentman.files.opening import FlawError, read_text
from latentman.system.paths import write_text

LOG_FILE = "metrics.jsonl"


@dataclass
class MetricsLog:
    """The events of the run in ``run_dir``, oldest first; each is on disk when the call that adds it returns."""

    run_dir: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, run_dir: Path) -> MetricsLog:
        """Load the events of a folder; a line that a kill cut off is dropped.

        Raises:
            RecordError: if the file exists and cannot be read or repaired.
        """
        path = run_dir / LOG_FILE
        advice = "check the permissions of the file"
        text = read_text(path, error=RecordError, advice=advice, lenient=True) if path.exists() else ""
        lines = text.splitlines()
        events = [event for line in lines if (event := _parsed(line)) is not None]
        log = cls(run_dir, events)
        if len(events) < len(lines) or (text and not text.endswith("\n")):
            log._rewrite()
        return log

    def begin(self, stage: str, hash: str) -> None:
        """Record that a stage starts on inputs with this hash, and remove its events about other inputs.

        Raises:
            RecordError: if the file cannot be written.
        """
        kept = [event for event in self.events if event.get("stage") != stage or event.get("hash") == hash]
        if len(kept) < len(self.events):
            self.events = kept
            self._rewrite()

    def add(self, event: str, values: Mapping[str, Any], **about: Any) -> bool:
        """Append an event. A step that is already logged is kept; a stage or scores replace earlier ones.

        Args:
            event: ``step``, ``stage`` or ``scores``.
            values: numbers by name; one that is not finite is written as null.
            about: what the numbers belong to, such as stage, hash and step.

        Returns:
            Whether the event is new, so that mirrors should receive it.

        Raises:
            RecordError: if the file cannot be written.
        """
        others = [old for old in self.events if old.get("event") != event or not about.items() <= old.items()]
        if len(others) < len(self.events):
            if event == "step":
                return False
            self.events = others
            self._rewrite()
        plain = {key: _finite(value) for key, value in values.items()}
        entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **about, **plain}
        self.events.append(entry)
        path = self.run_dir / LOG_FILE
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(_line(entry))
        except OSError as error:
            raise RecordError(
                f"cannot write {path}: {error.strerror}; free some space, then give the same command again"
            ) from error
        return True

    def _rewrite(self) -> None:
        write_text(self.run_dir / LOG_FILE, "".join(_line(event) for event in self.events))


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        event = parse_json(line)
    except FlawError:
        return None
    return event if isinstance(event, dict) else None


def _line(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
