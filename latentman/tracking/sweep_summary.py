"""The mirror of a whole sweep: its tables and its gallery as an additional run of the type ``report``.

Everything is read from the sweep's folder, including the choice of trackers, because the process that ends a sweep
need not have run any of its jobs.
"""

from __future__ import annotations

import logging
import re
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from latentman.config.logger import LoggerConfig
from latentman.errors import LatentManError
from latentman.files.table_file import read_csv_rows
from latentman.files.yaml_file import read_yaml
from latentman.record.local import STATUS_FILE, read_object
from latentman.tracking.multi import MultiLogger, find_opener, patience_of
from latentman.tracking.protocol import TrackedRun, Tracker
from latentman.tracking.run_tracking import mirror_id

logger = logging.getLogger("latentman.tracking")

RESULTS = "results.csv"
PAGE = "gallery.html"

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d*)?([eE][+-]?\d+)?")
"""The form of a numeric cell; 00 is the name of a job."""


def mirror_sweep(folder: Path) -> None:
    """Send the tables and the gallery of a sweep to the mirrors of its runs; without mirrors nothing is done.

    Missing or damaged files raise nothing: a warning names them, and the sweep itself is unchanged.

    Args:
        folder: the folder of a sweep with its report.
    """
    try:
        configs = sorted(folder.glob("*/config.yaml"), key=lambda path: path.stat().st_mtime)
        plain = read_yaml(configs[-1]) if configs else {}
        if not isinstance(plain, dict):
            raise TypeError(f"{configs[-1]} does not hold a configuration")
        cfg = _logger_config(plain)
        if cfg is None or not cfg.mirrors:
            return
        run = _describe(folder, plain)
        tables = [(path.stem, *_read_table(path)) for path in [folder / RESULTS, *sorted(folder.glob("table*.csv"))]]
    except (OSError, ValueError, TypeError, AttributeError, LatentManError) as error:
        logger.warning("the results of the sweep in %s were not mirrored: %s", folder, error)
        return
    mirrors = MultiLogger.open(
        {name: partial(_opened, name, cfg, run, plain) for name in cfg.mirrors}, patience_of(cfg)
    )
    for name, columns, rows in tables:
        if rows:
            mirrors.log_table(name, columns, rows)
    if (folder / PAGE).is_file():
        mirrors.log_file("gallery", folder / PAGE)
    mirrors.finish("done")


def _opened(name: str, cfg: LoggerConfig, run: TrackedRun, plain: dict[str, Any]) -> Tracker:
    tracker = find_opener(name)(cfg, run)
    tracker.log_config({"name": plain.get("name"), "setup": (plain.get("setup") or {}).get("name")})
    return tracker


def _logger_config(plain: dict[str, Any]) -> LoggerConfig | None:
    """Return the choice of trackers in a run's configuration; None in a configuration of an older version."""
    section = plain.get("logger")
    if not isinstance(section, dict):
        return None
    known = {item.name for item in fields(LoggerConfig)}
    return LoggerConfig(**{key: value for key, value in section.items() if key in known})


def _describe(folder: Path, plain: dict[str, Any]) -> TrackedRun:
    """Return the names of a sweep's summary; its id depends on the start of the first run, as the runs' ids do."""
    starts = [read_object(path).get("started") for path in folder.glob(f"*/{STATUS_FILE}")]
    return TrackedRun(
        folder=folder,
        id=mirror_id(folder, "report", min((start for start in starts if start), default="")),
        name="report",
        group=f"{plain.get('name')}/{folder.name}",
        job_type="report",
        tags=tuple(str(tag) for tag in plain.get("tags") or ()),
    )


def _read_table(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and the rows of a CSV file; both are empty if the file is missing.

    A column is numeric if all its cells are numbers: 7 among names is a name.
    """
    if not path.is_file():
        return [], []
    lines = [line for line in read_csv_rows(path) if line]
    if not lines:
        return [], []
    width = len(lines[0])
    rows = [(line + [""] * width)[:width] for line in lines[1:]]
    are_numbers = [all(NUMBER.fullmatch(cell) for cell in column if cell) for column in zip(*rows, strict=True)]
    return lines[0], [[_cell(*pair) for pair in zip(row, are_numbers, strict=True)] for row in rows]


def _cell(text: str, is_number: bool) -> Any:
    if text == "":
        return None
    return float(text) if is_number else text
