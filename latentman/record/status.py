"""Reading ``status.json``: of one run, of every run below a folder, and what a record says of an error."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.files.opening import reading
from latentman.record.local import STATUS_FILE, LaterFormatError, check_format, read_object
from latentman.record.models import check_status

SIGNS = ("kind", "state", "stages", "identity")
"""Every ``status.json`` that latentman wrote has at least one of these fields."""


def run_folders(root: Path) -> list[Path]:
    """Return the folders below ``root`` (itself included) that hold a ``status.json``, sorted by path.

    Raises:
        RecordError: if ``root`` is not a folder or cannot be read.
    """
    if not root.is_dir():
        raise RecordError(f"{root} is not a folder; give the folder of a run, a job or a sweep, such as runs/NAME/TIME")

    def refuse(error: OSError) -> None:
        raise RecordError(f"cannot read {error.filename}: {error.strerror}") from error

    found = [Path(place) for place, _, files in os.walk(root, onerror=refuse) if STATUS_FILE in files]
    return sorted(found)


def read_status(folder: Path) -> dict[str, Any]:
    """Return a run's status. A damaged file gives the state ``damaged`` and an ``error`` with the reason.

    Raises:
        LaterFormatError: if a later version wrote it.
    """
    path = folder / STATUS_FILE
    try:
        status = read_object(path)
        check_format(path, status)
        if not is_foreign(status):
            with reading(path, error=RecordError, advice="give the run's command again"):
                check_status(status)
    except LaterFormatError:
        raise
    except RecordError as error:
        return damaged(error)
    return status


def damaged(error: RecordError) -> dict[str, Any]:
    """Return the status of a run whose record cannot be read because of ``error``."""
    return {"state": "damaged", "error": {"class": type(error).__name__, "message": str(error)}}


def is_foreign(status: Mapping[str, Any]) -> bool:
    """Return whether a ``status.json`` has none of the fields that latentman writes."""
    return not any(sign in status for sign in SIGNS)


def error_line(status: Mapping[str, Any]) -> str | None:
    """Return the first line of a run's error, with its class; None if it has no error."""
    error = status.get("error")
    if not isinstance(error, Mapping):
        return str(error).splitlines()[0] if error else None
    message = (str(error.get("message") or "").splitlines() or [""])[0]
    return f"{error.get('class', 'error')}: {message}".rstrip(": ")


def mapping(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object under a key; an empty one if it is missing or is not an object."""
    value = source.get(key)
    return value if isinstance(value, Mapping) else {}
