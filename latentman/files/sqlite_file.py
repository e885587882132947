"""SQLite files, opened for reading only."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from latentman.errors import LatentManError, RecordError
from latentman.files.opening import open_file, reading

MAX_BYTES = 2**30
MAX_ROWS = 5_000_000
_MAX_STEPS = 2_000_000_000
"""Operations of SQLite's machine for one file, about a minute: a damaged tree can have loops."""


@contextlib.contextmanager
def reading_database(
    path: Path, *, error: type[LatentManError] = RecordError, advice: str = ""
) -> Iterator[sqlite3.Connection]:
    """Yield a connection that only reads; text that is not UTF-8 comes with replacement characters.

    The schema of a file is not trusted: its views and triggers can call no function with side effects.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``, also for what is raised while the connection is used.
    """
    with reading(path, error=error, advice=advice):
        open_file(path, MAX_BYTES).close()
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
            database.execute("PRAGMA trusted_schema = OFF")
            if hasattr(database, "setlimit"):
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000_000)
            steps = iter(range(_MAX_STEPS // 1_000_000))
            database.set_progress_handler(lambda: next(steps, None) is None, 1_000_000)
            yield database
