"""All runs below a folder as one table: a row for every (job, prompt, seed), failed and interrupted ones included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from latentman.errors import RecordError
from latentman.record.local import METRICS_FILE, STATUS_FILE
from latentman.record.metrics_file import checked_metrics, read_metrics
from latentman.record.status import damaged, error_line, is_foreign, mapping, read_status, run_folders
from latentman.record.sweep_plan import read_plan
from latentman.report.baseline import is_baseline

LEADING = ("folder", "job", "name", "state", "error", "stage", "prompt", "seed", "num_frames", "is_baseline")
"""The first columns, in this order; choices, swept values and metrics follow."""

PAIR_COLUMNS = ("folder", "metric", "index", "value")
"""Columns of the series: ``folder`` as in the run's row; ``index`` counts pairs of frames, or frames, from 0."""


def collect(root: Path) -> pd.DataFrame:
    """Return one row per run below a sweep, job or run folder.

    A job that ended before its first prompt is a row too. A run whose ``status.json`` or metrics are damaged is a row
    with the state ``damaged``. A ``status.json`` of another program is skipped.

    Returns:
        The columns of ``LEADING``; ``choice.<group>`` and ``swept.<key>`` as text; the metrics under their own
        names, with ``<name>_reason``; ``asked_seed``, to which a prompt of a set adds its own; ``varied`` (JSON), the
        keys in which the jobs of the run's sweep differ, also those that have not begun; ``weights`` and ``baseline``
        (JSON), ``version`` (of latentman), ``commit``, ``command``, ``started``, ``finished``.

    Raises:
        RecordError: if there is no run below ``root``, a folder cannot be read, or a later version wrote a run.
    """
    found = {folder: read_status(folder) for folder in run_folders(root)}
    statuses = {folder: status for folder, status in found.items() if not is_foreign(status)}
    varied: dict[Path, list[str]] = {}
    folders = list(statuses)
    jobs = {folder for folder, status in statuses.items() if status.get("kind") == "job"}
    rows = []
    for folder, status in statuses.items():
        if folder in jobs and any(folder in other.parents for other in folders):
            continue
        job = folder.parent if folder.parent in jobs else folder
        rows.append(_row(root, folder, status, job) | {"varied": _varied(job.parent, varied)})
    if not rows:
        why = (
            f"the {STATUS_FILE} in {next(iter(found))} is not latentman's"
            if found
            else f"no folder there has a {STATUS_FILE}"
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
        The columns of ``PAIR_COLUMNS``; a pair without a value is NaN. Pair ``index`` consists of the frames
        ``index`` and ``index + 1``; ``figure_contrast`` and ``figure_overlap`` have one value per frame.
    """
    rows = [
        (folder, metric, index, value if isinstance(value, int | float) else None)
        for folder in results.loc[results["state"] == "done", "folder"]
        for metric, values in mapping(read_metrics(root / str(folder)), "per_pair").items()
        if isinstance(values, list)
        for index, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS)).astype({"index": "int64", "value": "float64"})


def foreign_folders(root: Path) -> list[Path]:
    """Return the folders below ``root`` whose ``status.json`` another program wrote; ``collect`` skips them."""
    return [folder for folder in run_folders(root) if is_foreign(read_status(folder))]


def _row(root: Path, folder: Path, status: dict[str, Any], job: Path) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    try:
        metrics = checked_metrics(folder)
    except RecordError as error:
        is_expected = status.get("state") == "done" and status.get("kind") != "job"
        if is_expected or (folder / METRICS_FILE).is_file():
            status = status | damaged(error)
    choices, swept = (_texts(status, key) for key in ("choices", "swept"))
    baseline = mapping(status, "baseline")
    row: dict[str, Any] = {
        "folder": folder.relative_to(root).as_posix(),
        "job": job.relative_to(root).as_posix() if job.is_relative_to(root) else ".",
        "state": status.get("state"),
        "error": error_line(status),
        "is_baseline": is_baseline(baseline, swept | choices),
        "weights": json.dumps(mapping(status, "weights"), sort_keys=True),
        "baseline": json.dumps(baseline, sort_keys=True),
        "version": mapping(status, "versions").get("latentman"),
    }
    for key in ("name", "stage", "prompt", "seed", "num_frames", "commit", "command", "started", "finished"):
        row[key] = status.get(key)
    asked = status.get("asked_seed", swept.get("seed", status.get("seed")))
    row["asked_seed"] = None if asked is None else str(asked)
    row.update({f"choice.{key}": value for key, value in choices.items()})
    row.update({f"swept.{key}": value for key, value in swept.items()})
    for key, value in metrics.items():
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            row[key] = None if value is None else float(value)
        elif key.endswith("_reason"):
            row[key] = str(value)
    return row


def _varied(sweep_dir: Path, known: dict[Path, list[str]]) -> str:
    """Return as JSON the keys in which the jobs of a sweep differ; none without a plan that can be read."""
    if sweep_dir not in known:
        plan = None
        with suppress(RecordError):
            plan = read_plan(sweep_dir)
        known[sweep_dir] = [] if plan is None else plan.varied()
    return json.dumps(known[sweep_dir])


def _texts(status: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: str(value) for name, value in mapping(status, key).items()}
