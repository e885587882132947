"""Tables: parquet and CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentman.errors import DataError, LatentManError
from latentman.files.opening import FlawError, decoded, open_file, read_bytes, reading

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 256 * 2**20
MAX_CELLS = 50_000_000
MAX_COLUMNS = 10_000
_MAX_FIELD = 1_000_000


def read_parquet(path: Path, *, error: type[LatentManError] = DataError, advice: str = "") -> Any:
    """Return a parquet file as a ``pyarrow.Table``.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice), open_file(path, MAX_BYTES) as file:
        import pyarrow.parquet as pq

        opened = pq.ParquetFile(file)
        about = opened.metadata
        if about.num_columns > MAX_COLUMNS or not 0 <= about.num_rows * max(1, about.num_columns) <= MAX_CELLS:
            raise FlawError(f"it has {about.num_rows} rows of {about.num_columns} columns, more than are read")
        claimed = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
        if not 0 <= claimed <= 4 * MAX_BYTES:
            raise FlawError(f"it claims {claimed} bytes of values")
        table = opened.read(use_threads=False)
        table.validate(full=True)
        return table
    raise AssertionError  # reading() never swallows


def to_frame(path: Path, table: Any, *, error: type[LatentManError] = DataError, advice: str = "") -> pd.DataFrame:
    """Return a ``pyarrow.Table`` that :func:`read_parquet` read as a frame of pandas.

    Raises:
        LatentManError: as ``error``, if the description of its columns is damaged.
    """
    with reading(path, error=error, advice=advice):
        frame: pd.DataFrame = table.to_pandas()
        return frame
    raise AssertionError  # reading() never swallows


def read_csv_frame(
    path: Path,
    *,
    error: type[LatentManError] = DataError,
    advice: str = "",
    types: Mapping[str, type] | None = None,
    only_names: bool = False,
) -> pd.DataFrame:
    """Return a CSV file with a heading as a frame of pandas.

    Args:
        path: the file.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        types: the types of some columns.
        only_names: read the heading alone.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    import io

    import pandas as pd

    with reading(path, error=error, advice=advice):
        text = decoded(read_bytes(path, MAX_BYTES))
        return pd.read_csv(
            io.StringIO(text), dtype=dict(types) if types else None, nrows=0 if only_names else None, low_memory=False
        )
    raise AssertionError  # reading() never swallows


def read_csv_rows(
    path: Path, *, error: type[LatentManError] = DataError, advice: str = "", max_bytes: int = MAX_BYTES
) -> list[list[str]]:
    """Return the rows of a CSV file as texts, empty ones included.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice):
        return parse_csv(decoded(read_bytes(path, max_bytes)))
    raise AssertionError  # reading() never swallows


def parse_csv(text: str) -> list[list[str]]:
    """Return the rows of a CSV text.

    Raises:
        FlawError: naming the line that is malformed.
    """
    before = csv.field_size_limit(_MAX_FIELD)
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        raise FlawError(f"line {reader.line_num}: {error}") from error
    finally:
        csv.field_size_limit(before)
