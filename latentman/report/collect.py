"""All runs below a folder as one table: a row for every (job, prompt, seed), failed and interrupted ones included."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from latentman.errors import RecordError
from latentman.tracking.local import METRICS_FILE, STATUS_FILE, read_object

LEADING = ("folder", "job", "name", "state", "error", "stage", "prompt", "seed", "num_frames", "is_baseline")
"""The columns that come first, in this order; choices, swept values and metrics follow."""


def run_folders(root: Path) -> list[Path]:
    """Return the folders below ``root`` (itself included) that hold a status, sorted by path.

    Raises:
        RecordError: if ``root`` is no folder or cannot be read.
    """
    if not root.is_dir():
        raise RecordError(f"{root} is no folder; give the folder of a run, a job or a sweep, such as runs/NAME/TIME")

    def refuse(error: OSError) -> None:
        raise RecordError(f"cannot read {error.filename}: {error.strerror}") from error

    found = [Path(place) for place, _, files in os.walk(root, onerror=refuse) if STATUS_FILE in files]
    return sorted(found)


def collect(root: Path) -> pd.DataFrame:
    """Return one row per run below a sweep, job or run folder.

    A job that ended before its first prompt is a row too, and so is a run whose ``status.json`` is damaged, with the
    state ``damaged``.

    Returns:
        Columns: those of ``LEADING``; ``choice.<group>`` and ``swept.<key>`` as text; the metrics under their own
        names, with ``<name>_reason``; ``weights`` (JSON), ``commit``, ``command``, ``started``, ``finished``.

    Raises:
        RecordError: if there is no run below ``root``, or it cannot be read.
    """
    folders = run_folders(root)
    statuses = {folder: read_status(folder) for folder in folders}
    jobs = {folder for folder, status in statuses.items() if status.get("kind") == "job"}
    rows = [
        _row(root, folder, status, folder.parent if folder.parent in jobs else folder)
        for folder, status in statuses.items()
        if folder not in jobs or not any(folder in other.parents for other in folders)
    ]
    if not rows:
        raise RecordError(f"no runs below {root}: no folder there holds a {STATUS_FILE}")
    columns = dict.fromkeys(LEADING) | dict.fromkeys(key for row in rows for key in row)
    return pd.DataFrame(rows, columns=list(columns))


def read_status(folder: Path) -> dict[str, Any]:
    """Return a run's status; a damaged file gives the state ``damaged`` and says why."""
    try:
        return read_object(folder / STATUS_FILE)
    except RecordError as error:
        return {"state": "damaged", "error": {"class": "RecordError", "message": str(error)}}


def read_metrics(folder: Path) -> dict[str, Any]:
    """Return a run's metrics; an empty object when there are none that can be read."""
    try:
        return read_object(folder / METRICS_FILE)
    except RecordError:
        return {}


def error_line(status: Mapping[str, Any]) -> str | None:
    """Return the first line of a run's error, with its class; None if it has none."""
    error = status.get("error")
    if not isinstance(error, Mapping):
        return str(error).splitlines()[0] if error else None
    message = (str(error.get("message") or "").splitlines() or [""])[0]
    return f"{error.get('class', 'error')}: {message}".rstrip(": ")


def is_baseline(status: Mapping[str, Any]) -> bool:
    """Return whether a run made every choice of its experiment's baseline."""
    baseline, choices = _object(status, "baseline"), _object(status, "choices")
    return bool(baseline) and all(str(choices.get(group)) == str(option) for group, option in baseline.items())


def _row(root: Path, folder: Path, status: dict[str, Any], job: Path) -> dict[str, Any]:
    row: dict[str, Any] = {
        "folder": folder.relative_to(root).as_posix(),
        "job": job.relative_to(root).as_posix() if job.is_relative_to(root) else ".",
        "state": status.get("state"),
        "error": error_line(status),
        "is_baseline": is_baseline(status),
        "weights": json.dumps(_object(status, "weights"), sort_keys=True),
        "baseline": json.dumps(_object(status, "baseline"), sort_keys=True),
    }
    for key in ("name", "stage", "prompt", "seed", "num_frames", "commit", "command", "started", "finished"):
        row[key] = status.get(key)
    row.update({f"choice.{key}": str(value) for key, value in _object(status, "choices").items()})
    row.update({f"swept.{key}": str(value) for key, value in _object(status, "swept").items()})
    for key, value in read_metrics(folder).items():
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            row[key] = None if value is None else float(value)
        elif key.endswith("_reason"):
            row[key] = str(value)
    return row


def _object(status: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = status.get(key)
    return value if isinstance(value, Mapping) else {}
