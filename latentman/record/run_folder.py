"""Claiming a run folder: files that do not belong to this run are never touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentman.config import NOT_PART_OF_THE_RESULT, with_defaults
from latentman.errors import RecordError
from latentman.record.local import LocalRecord
from latentman.system.locks import LOCK_FILE
from latentman.system.paths import PARTIAL, write_text

OUR_FILES = (
    "config.yaml", "status.json", "metrics.json", "log.txt", "index.html", "motion.npz", "body.npz", "conditions.npz",
    "video.mp4", "correspondence.mp4", "latents.safetensors", "correspondence_*.npz", "frames", "conditions", "latents",
    "metrics.jsonl", "wandb", "tensorboard",
)  # fmt: skip
"""Everything that a run writes, and so everything that ``overwrite=true`` may remove."""


def identity(config: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a plain configuration that the result depends on."""
    return {key: value for key, value in config.items() if key not in NOT_PART_OF_THE_RESULT}


def differences(before: Any, now: Any, prefix: str = "") -> list[str]:
    """Return one line per key at which two plain configurations differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        lines = []
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                lines += differences(before.get(key), now.get(key), f"{prefix}.{key}" if prefix else str(key))
        return lines
    return [f"{prefix} is {before!r} there and {now!r} here"]


def claim(folder: Path, config: dict[str, Any], *, overwrite: bool) -> LocalRecord:
    """Open a run folder for this configuration: a new one, an empty one, or one where the same run began earlier.

    Raises:
        RecordError: if the folder holds foreign files or the run of another configuration. Nothing is changed then.
    """
    if folder.exists() and not folder.is_dir():
        raise RecordError(f"run_dir={folder} is a file; choose a folder")
    try:
        entries = [p for p in folder.iterdir() if p.name != LOCK_FILE] if folder.is_dir() else []
    except OSError as error:
        raise RecordError(f"run_dir={folder} cannot be read: {error.strerror}; choose another folder") from error
    if entries and not (folder / "status.json").is_file():
        raise RecordError(
            f"run_dir={folder} holds files that no run wrote, such as {entries[0].name}; choose another folder"
        )
    if entries and overwrite:
        _clear(folder)
    record = LocalRecord.open(folder)
    before, now = _identities(record.status, config)
    if before is not None and before != now:
        raise RecordError(
            f"run_dir={folder} belongs to another configuration: {'; '.join(differences(before, now)[:3])}\n"
            "choose another run_dir, or set overwrite=true to delete its results"
        )
    for leftover in folder.rglob(f"{PARTIAL}*"):
        leftover.unlink(missing_ok=True)
    record.update(identity=now)
    return record


def is_of(status: Mapping[str, Any], config: dict[str, Any]) -> bool:
    """Return whether a run's record belongs to this plain configuration."""
    before, now = _identities(status, config)
    return bool(before == now)


def _identities(status: Mapping[str, Any], config: dict[str, Any]) -> tuple[Any, Any]:
    """Return the identity in a record, None if it has none, and the identity of the present configuration."""
    before = status.get("identity")
    if before is not None:
        # A run of an earlier version, which lacked some key, is continued if that key has its default value.
        before = identity(with_defaults(before))
    return before, json.loads(json.dumps(identity(config), default=str))


def _clear(folder: Path) -> None:
    """Remove what an earlier run wrote, and nothing else."""
    for pattern in OUR_FILES:
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def write_config(folder: Path, text: str) -> None:
    """Write the composed configuration next to the results."""
    write_text(folder / "config.yaml", text)
