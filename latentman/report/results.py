"""The results of a folder as files that notebooks read: one row per run, and one row per pair of frames.

Each parquet file carries the number of its format and the version of latentman that wrote it, so that a reader knows
what it has before it takes a wrong number from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from latentman import __version__
from latentman.errors import RecordError
from latentman.report.collect import LEADING, PAIR_COLUMNS
from latentman.system.paths import write_atomic

FORMAT = 2
"""Of both files. Format 1 had no number and no ``version`` column, and knew no series."""

RESULTS_FILE, PAIRS_FILE = "results.parquet", "per_pair.parquet"

_KEY = b"latentman"
_SIGNS = {"results": LEADING, "per_pair": PAIR_COLUMNS}
"""The columns by which a file without a number is told from a foreign one."""


def write_results(path: Path, results: pd.DataFrame) -> None:
    """Write the rows of ``collect``; the same rows give the same bytes.

    Raises:
        RecordError: if the file cannot be written.
    """
    write_labelled(path, results, "results", FORMAT)


def write_pairs(path: Path, pairs: pd.DataFrame) -> None:
    """Write the series of ``collect_pairs``.

    Raises:
        RecordError: if the file cannot be written.
    """
    write_labelled(path, pairs, "per_pair", FORMAT)


def read_results(path: Path | str) -> pd.DataFrame:
    """Return the rows of a ``results.parquet``, with the columns of ``collect``.

    A file of format 1 is brought up to date: choices and swept values become text, and columns that it lacks are there
    without values. So is a ``results.csv``, which has no room for a number.

    Args:
        path: the file, or the folder that holds it.

    Raises:
        RecordError: if there is no such file, it is damaged, another program wrote it, or a later version did.
    """
    place = Path(path)
    place = place / RESULTS_FILE if place.is_dir() else place
    if place.suffix == ".csv":
        return _migrated(_read_csv(place))
    results, number = _read(place, "results")
    return results if number == FORMAT else _migrated(results)


def read_pairs(path: Path | str) -> pd.DataFrame:
    """Return the series of a ``per_pair.parquet``; its ``folder`` joins it to the rows of ``read_results``.

    Args:
        path: the file, or the folder that holds it.

    Raises:
        RecordError: if there is no such file, it is damaged, another program wrote it, or a later version did.
    """
    place = Path(path)
    return _read(place / PAIRS_FILE if place.is_dir() else place, "per_pair")[0]


def write_labelled(path: Path, table: pd.DataFrame, kind: str, number: int) -> None:
    """Write a table that says of what kind and format it is, and which version wrote it; no index, no date.

    Raises:
        RecordError: if the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    ours = json.dumps({"kind": kind, "format": number, "version": __version__})
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), _KEY: ours.encode()})
    write_atomic(path, lambda temporary: pq.write_table(arrow, temporary))


def _read(path: Path, kind: str) -> tuple[pd.DataFrame, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def table() -> Any:
        return pq.read_table(path)

    arrow = _opened(path, table, (OSError, pa.ArrowException))
    written = _label(path, (arrow.schema.metadata or {}).get(_KEY))
    if written is None:
        missing = [name for name in _SIGNS[kind] if name not in arrow.column_names]
        if missing:
            raise RecordError(f"{path} is no {kind} file of latentman: it has no format and no column {missing[0]}")
        return arrow.to_pandas(), 1
    number, version = written.get("format"), written.get("version", "unknown")
    if written.get("kind") != kind:
        raise RecordError(f"{path} holds the {written.get('kind')} of latentman, where {kind} belong")
    if not isinstance(number, int) or number > FORMAT:
        raise RecordError(
            f"{path} has format {number}, written by latentman {version}; this is latentman {__version__}, which reads "
            f"formats up to {FORMAT}: install that version or a later one, or run `latentman report` again"
        )
    return arrow.to_pandas(), number


def _opened(path: Path, read: Callable[[], Any], damages: tuple[type[Exception], ...]) -> Any:
    if not path.is_file():
        raise RecordError(f"there is no {path}; `latentman report DIR` writes it from the runs below DIR")
    try:
        return read()
    except damages as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecordError(f"cannot read {path}: {reason}; `latentman report DIR` writes it again") from error


def _label(path: Path, raw: bytes | None) -> dict[str, Any] | None:
    if raw is None:
        return None
    try:
        label = json.loads(raw)
    except ValueError:
        label = None
    if not isinstance(label, dict):
        raise RecordError(f"{path}: what it says of its format cannot be read; `latentman report DIR` writes it again")
    return label


def _read_csv(path: Path) -> pd.DataFrame:
    def table() -> pd.DataFrame:
        heading = pd.read_csv(path, nrows=0)
        missing = [name for name in LEADING if name not in heading.columns]
        if missing:
            raise RecordError(f"{path} is no results file of latentman: it has no column {missing[0]}")
        return pd.read_csv(path, dtype={name: str for name in heading.columns if _is_text(name)}, low_memory=False)

    frame: pd.DataFrame = _opened(path, table, (OSError, ValueError))
    return frame


def _is_text(column: str) -> bool:
    return column.startswith(("choice.", "swept.")) or column in ("folder", "job", "prompt", "version", "commit")


def _migrated(results: pd.DataFrame) -> pd.DataFrame:
    known = results.reindex(columns=list(dict.fromkeys([*results.columns, "baseline", "version"])))
    for column in known.columns:
        if column.startswith(("choice.", "swept.")):
            known[column] = known[column].map(lambda value: None if pd.isna(value) else str(value))
    return known.assign(baseline=known["baseline"].fillna("{}"), is_baseline=known["is_baseline"].astype(bool))
