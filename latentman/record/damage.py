"""Digests of what stages wrote, and what has become of those files since.

A stage's entry in ``status.json`` holds ``files``, the SHA-256 of each file that it wrote, and ``inputs``, a digest of
those that it read. A run that continues compares them with the files on disk, so that a file that was lost, cut short,
changed or replaced is made again instead of being used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.record.local import METRICS_FILE
from latentman.record.metrics_file import scores_of
from latentman.record.status import mapping
from latentman.system.digest import digest

MISSING, CHANGED = "missing", "changed"


def output_digest(path: Path) -> str | None:
    """Return the SHA-256 of a file that a stage wrote, as hexadecimal digits; None if it is missing or unreadable.

    ``metrics.json`` counts by its scores, since costs are added to it after its stage has ended.
    """
    try:
        if path.name == METRICS_FILE:
            return digest(scores_of(path))
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, RecordError):
        return None


def output_digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the digest of every file of a run folder that is there, by name."""
    found = {name: output_digest(folder / name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def damaged_outputs(folder: Path, status: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what has become of the files of finished stages, by stage and name: ``missing`` or ``changed``.

    Stages that a version before digests recorded are left out: nothing is known of their files.
    """
    damage: dict[str, dict[str, str]] = {}
    for stage, entry in mapping(status, "stages").items():
        if not isinstance(entry, Mapping) or entry.get("state") != "done":
            continue
        for name, recorded in mapping(entry, "files").items():
            path = folder / name
            if output_digest(path) != recorded:
                damage.setdefault(stage, {})[name] = CHANGED if path.is_file() else MISSING
    return damage


def inputs_digest(status: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return one digest of the recorded digests of files that a stage reads."""
    recorded: dict[str, Any] = {}
    for entry in mapping(status, "stages").values():
        recorded |= mapping(entry, "files") if isinstance(entry, Mapping) else {}
    return digest({name: recorded.get(name) for name in names})
