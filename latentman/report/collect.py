"""All runs below a folder as one table: a row for every (job, prompt, seed), failed and interrupted ones included."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from latentman.errors import RecordError
from latentman.record.local import METRICS_FILE, STATUS_FILE, LaterFormatError, check_format, read_object
from latentman.report.baseline import is_baseline

LEADING = ("folder", "job", "name", "state", "error", "stage", "prompt", "seed", "num_frames", "is_baseline")
"""The columns that come first, in this order; choices, swept values and metrics follow."""

PAIR_COLUMNS = ("folder", "metric", "index", "value")
"""Of the series: ``folder`` is that of the run's row, ``index`` counts pairs of frames, or frames, from 0."""

SIGNS = ("kind", "state", "stages", "identity")
"""Fields of which every ``status.json`` of ours has at least one."""


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

    A job that ended before its first prompt is a row too, and so is a run whose ``status.json`` is damaged, or whose
    metrics are, with the state ``damaged``. A ``status.json`` of another program is passed over.

    Returns:
        Columns: those of ``LEADING``; ``choice.<group>`` and ``swept.<key>`` as text; the metrics under their own
        names, with ``<name>_reason``; ``weights`` and ``baseline`` (JSON), ``version`` (of latentman), ``commit``,
        ``command``, ``started``, ``finished``.

    Raises:
        RecordError: if there is no run below ``root``, it cannot be read, or a later version wrote one of them.
    """
    found = {folder: read_status(folder) for folder in run_folders(root)}
    statuses = {folder: status for folder, status in found.items() if not is_foreign(status)}
    folders = list(statuses)
    jobs = {folder for folder, status in statuses.items() if status.get("kind") == "job"}
    rows = [
        _row(root, folder, status, folder.parent if folder.parent in jobs else folder)
        for folder, status in statuses.items()
        if folder not in jobs or not any(folder in other.parents for other in folders)
    ]
    if not rows:
        why = (
            f"the {STATUS_FILE} of {next(iter(found))} is not ours" if found else f"no folder there has a {STATUS_FILE}"
        )
        raise RecordError(f"no runs of latentman below {root}: {why}; give the folder of a run, a job or a sweep")
    columns = dict.fromkeys(LEADING) | dict.fromkeys(key for row in rows for key in row)
    return pd.DataFrame(rows, columns=list(columns))


def collect_pairs(root: Path, results: pd.DataFrame) -> pd.DataFrame:
    """Return the series of every finished run: one row per (run, metric, pair of frames).

    Args:
        root: the folder that ``results`` was collected from.
        results: as from ``collect``.

    Returns:
        The columns of ``PAIR_COLUMNS``; a pair without a value has none. Pair ``index`` lies between the frames
        ``index`` and ``index + 1``; ``figure_contrast`` and ``figure_overlap`` have one value per frame.
    """
    rows = [
        (folder, metric, index, value if isinstance(value, int | float) else None)
        for folder in results.loc[results["state"] == "done", "folder"]
        for metric, values in _object(read_metrics(root / str(folder)), "per_pair").items()
        if isinstance(values, list)
        for index, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS)).astype({"index": "int64", "value": "float64"})


def foreign_folders(root: Path) -> list[Path]:
    """Return the folders below ``root`` whose ``status.json`` another program wrote; ``collect`` passes them over."""
    return [folder for folder in run_folders(root) if is_foreign(read_status(folder))]


def is_foreign(status: Mapping[str, Any]) -> bool:
    """Return whether a ``status.json`` has nothing of what ours have."""
    return not any(sign in status for sign in SIGNS)


def read_status(folder: Path) -> dict[str, Any]:
    """Return a run's status; a damaged file gives the state ``damaged`` and says why.

    Raises:
        LaterFormatError: if a later version wrote it.
    """
    path = folder / STATUS_FILE
    try:
        status = read_object(path)
        check_format(path, status)
    except LaterFormatError:
        raise
    except RecordError as error:
        return _damaged(error)
    return status


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


def _row(root: Path, folder: Path, status: dict[str, Any], job: Path) -> dict[str, Any]:
    metrics = read_metrics(folder)
    if status.get("state") == "done" and status.get("kind") != "job" and not metrics:
        path = folder / METRICS_FILE
        status = status | _damaged(RecordError(f"{path} is missing or damaged; give the run's command again"))
    choices, swept = (_texts(status, key) for key in ("choices", "swept"))
    baseline = _object(status, "baseline")
    row: dict[str, Any] = {
        "folder": folder.relative_to(root).as_posix(),
        "job": job.relative_to(root).as_posix() if job.is_relative_to(root) else ".",
        "state": status.get("state"),
        "error": error_line(status),
        "is_baseline": is_baseline(baseline, swept | choices),
        "weights": json.dumps(_object(status, "weights"), sort_keys=True),
        "baseline": json.dumps(baseline, sort_keys=True),
        "version": _object(status, "versions").get("latentman"),
    }
    for key in ("name", "stage", "prompt", "seed", "num_frames", "commit", "command", "started", "finished"):
        row[key] = status.get(key)
    row.update({f"choice.{key}": value for key, value in choices.items()})
    row.update({f"swept.{key}": value for key, value in swept.items()})
    for key, value in metrics.items():
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            row[key] = None if value is None else float(value)
        elif key.endswith("_reason"):
            row[key] = str(value)
    return row


def _damaged(error: RecordError) -> dict[str, Any]:
    return {"state": "damaged", "error": {"class": type(error).__name__, "message": str(error)}}


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def _texts(status: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: str(value) for name, value in _object(status, key).items()}
