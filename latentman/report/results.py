"""The results of a folder as files that notebooks read: one row per run, and one row per pair of frames.

Each parquet file carries the number of its format and the version of latentman that wrote it, so that a reader cannot
misread a file of another format.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from latentman import __version__
from latentman.errors import RecordError
from latentman.files.json_file import parse_json
from latentman.files.opening import FlawError, missing_as
from latentman.files.table_file import read_csv_frame, read_parquet, to_frame
from latentman.report.collect import LEADING, PAIR_COLUMNS
from latentman.system.paths import write_atomic

FORMAT = 2
"""Format of both files. Format 1 had no number, no ``version`` column and no series."""

RESULTS_FILE, PAIRS_FILE = "results.parquet", "per_pair.parquet"

_WRITTEN_BY = "`latentman report DIR` writes it from the runs below DIR"
_WRITTEN_AGAIN = "`latentman report DIR` writes it again"
_KEY = b"latentman"
_SIGNS = {"results": LEADING, "per_pair": PAIR_COLUMNS}
"""The columns by which a file without a format number is recognised as latentman's."""


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

    A file of format 1 is migrated: choices and swept values become text, and missing columns are added without values.
    A ``results.csv``, which carries no format number, is migrated in the same way.

    Args:
        path: the file, or the folder that holds it.

    Raises:
        RecordError: if the file is missing, damaged, or written by another program or a later version.
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
        RecordError: if the file is missing, damaged, or written by another program or a later version.
    """
    place = Path(path)
    return _read(place / PAIRS_FILE if place.is_dir() else place, "per_pair")[0]


def write_labelled(path: Path, table: pd.DataFrame, kind: str, number: int) -> None:
    """Write a table with its kind, its format and the version that wrote it, without an index and without a date.

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
    with missing_as(path, error=RecordError, advice=_WRITTEN_BY):
        arrow = read_parquet(path, error=RecordError, advice=_WRITTEN_AGAIN)
    written = _label(path, (arrow.schema.metadata or {}).get(_KEY))
    if written is None:
        missing = [name for name in _SIGNS[kind] if name not in arrow.column_names]
        if missing:
            raise RecordError(f"{path} is not a {kind} file of latentman: it has no format and no column {missing[0]}")
        return to_frame(path, arrow, error=RecordError, advice=_WRITTEN_AGAIN), 1
    number, version = written.get("format"), written.get("version", "unknown")
    if written.get("kind") != kind:
        raise RecordError(f"{path} holds latentman's {written.get('kind')} and not its {kind}; give the other file")
    if type(number) is not int or not 1 <= number <= FORMAT:
        raise RecordError(
            f"{path} has format {number}, written by latentman {version}; this is latentman {__version__}, which reads "
            f"formats up to {FORMAT}: install that version or a later one, or run `latentman report` again"
        )
    return to_frame(path, arrow, error=RecordError, advice=_WRITTEN_AGAIN), number


def _label(path: Path, raw: bytes | None) -> dict[str, Any] | None:
    if raw is None:
        return None
    try:
        label = parse_json(raw)
    except FlawError:
        label = None
    if not isinstance(label, dict):
        raise RecordError(f"{path}: its format label is damaged; `latentman report DIR` writes the file again")
    return label


def _read_csv(path: Path) -> pd.DataFrame:
    with missing_as(path, error=RecordError, advice=_WRITTEN_BY):
        heading = read_csv_frame(path, error=RecordError, advice=_WRITTEN_AGAIN, only_names=True)
        missing = [name for name in LEADING if name not in heading.columns]
        if missing:
            raise RecordError(f"{path} is not a results file of latentman: it has no column {missing[0]}")
        types = {str(name): str for name in heading.columns if _is_text(str(name))}
        return read_csv_frame(path, error=RecordError, advice=_WRITTEN_AGAIN, types=types)
    raise AssertionError  # missing_as() never swallows


def _is_text(column: str) -> bool:
    return column.startswith(("choice.", "swept.")) or column in (
        "folder",
        "job",
        "prompt",
        "asked_seed",
        "version",
        "commit",
    )


def _migrated(results: pd.DataFrame) -> pd.DataFrame:
    known = results.reindex(columns=list(dict.fromkeys([*results.columns, "baseline", "version"])))
    for column in known.columns:
        if column.startswith(("choice.", "swept.")):
            known[column] = known[column].map(lambda value: None if pd.isna(value) else str(value))
    return known.assign(baseline=known["baseline"].fillna("{}"), is_baseline=known["is_baseline"].astype(bool))
