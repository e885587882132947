"""The measurements of ``latentman bench solver`` as a table for notebooks: ``results.parquet`` next to its JSON.

``python -m latentman.bench.solver.frame FILE.json`` makes the table from a JSON file that was written before.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pandas as pd

from latentman.bench.solver.measure import Figures
from latentman.bench.solver.results import Case, Clip, Measured
from latentman.errors import DataError, RecordError
from latentman.files.json_file import read_json
from latentman.files.table_file import read_parquet
from latentman.files.table_file import to_frame as to_pandas
from latentman.report.results import write_labelled

FORMAT = 1

PAIR, CLIP = "pair", "clip"
"""The kinds of rows: a solver's figures on a case, and the wall seconds of the search over a whole clip."""

_CASE, _FIGURES, _CLIP = ([field.name for field in fields(kind)] for kind in (Case, Figures, Clip))
COLUMNS = tuple(dict.fromkeys(["kind", "solver", *_CASE, *_FIGURES, *_CLIP]))
"""``seconds`` are those of all ``pairs`` of frames together; values that were not measured are missing."""

_WHOLE = ("size", "pairs", "largest_part", "runs", "matched", "possible", "memory", "workers")
"""Columns of whole numbers."""

_TEXT = ("kind", "solver", "flavour")


def to_frame(measured: Sequence[Measured], clips: Sequence[Clip]) -> pd.DataFrame:
    """Return one row per solver and case, and one per clip, with the columns of ``COLUMNS``."""
    rows = [{"kind": PAIR, "solver": m.solver, **asdict(m.case), **asdict(m.figures)} for m in measured]
    rows += [{"kind": CLIP, **asdict(clip)} for clip in clips]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    types = {name: "Int64" if name in _WHOLE else "float64" for name in COLUMNS if name not in _TEXT}
    return frame.astype(types)


def from_frame(frame: pd.DataFrame) -> tuple[list[Measured], list[Clip]]:
    """Return what ``to_frame`` was given."""
    measured, clips = [], []
    for record in frame.to_dict("records"):
        row = {str(name): _plain(str(name), value) for name, value in record.items()}
        if row["kind"] == CLIP:
            clips.append(Clip(**{name: row[name] for name in _CLIP}))
        else:
            case, figures = ({name: row[name] for name in names} for names in (_CASE, _FIGURES))
            measured.append(Measured(Case(**case), str(row["solver"]), Figures(**figures)))
    return measured, clips


def write_frame(path: Path, measured: Sequence[Measured], clips: Sequence[Clip]) -> None:
    """Write the table; the same measurements give the same bytes.

    Raises:
        RecordError: if the file cannot be written.
    """
    write_labelled(path, to_frame(measured, clips), "solvers", FORMAT)


def is_frame(path: Path) -> bool:
    """Return whether a file holds measurements of ``latentman bench solver``."""
    try:
        return set(read_parquet(path).column_names) >= set(COLUMNS)
    except (FileNotFoundError, DataError):
        return False


def read_frame(path: Path) -> tuple[list[Measured], list[Clip]]:
    """Return the measurements in a table.

    Raises:
        RecordError: if there is no such file, or it is damaged or holds something else.
    """
    if not is_frame(path):
        why = "is not a table of solvers" if path.is_file() else "is not there"
        raise RecordError(f"{path} {why}; `latentman bench solver --json DIR/results.json` writes DIR/results.parquet")
    return from_frame(to_pandas(path, read_parquet(path, error=RecordError), error=RecordError))


def from_json(data: Mapping[str, Any]) -> tuple[list[Measured], list[Clip]]:
    """Return the measurements in a JSON file of ``latentman bench solver``.

    Raises:
        RecordError: if it has other fields.
    """
    try:
        measured = [Measured(Case(**m["case"]), m["solver"], Figures(**m["figures"])) for m in data["cases"]]
        return measured, [Clip(**clip) for clip in data["clips"]]
    except (KeyError, TypeError) as error:
        raise RecordError(f"this is not what `latentman bench solver --json FILE` writes: {error}") from error


def main(arguments: Sequence[str]) -> int:
    """Write ``results.parquet`` next to each of the JSON files."""
    for path in map(Path, arguments):
        write_frame(path.with_name("results.parquet"), *from_json(read_json(path)))
    return 0


def _plain(name: str, value: Any) -> Any:
    """Return a cell without pandas' conversions: None for a missing value, integers as integers."""
    if pd.isna(value):
        return None
    return int(value) if name in _WHOLE else value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
