"""Claiming a run folder: files that do not belong to this run are never touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentman.config import NOT_PART_OF_THE_RESULT, with_defaults
from latentman.errors import RecordError
from latentman.record.local import STATUS_FILE, LocalRecord
from latentman.record.run_config import CONFIG_FILE, read_configuration
from latentman.system.locks import LOCK_FILE
from latentman.system.machine_faults import told
from latentman.system.paths import PARTIAL, write_text

CLEARING = "clearing"
"""The field of a status that says that ``overwrite=true`` is removing an earlier run's files."""

SIGNS = {"prompt", "setup", "sampler", "motion", "run_dir"}
"""Keys that every configuration of a run has, by which its ``config.yaml`` is recognised."""

OUR_FILES = (
    "config.yaml", "status.json", "metrics.json", "log.txt", "index.html", "motion.npz", "motion_*.npz", "body.npz",
    "conditions.npz", "video.mp4", "correspondence.mp4", "latents.safetensors", "correspondence_*.npz", "frames",
    "conditions", "latents", "metrics.jsonl", "wandb", "tensorboard",
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

    A folder whose first start was killed is taken over. A folder without ``status.json`` belongs to the run whose
    ``config.yaml`` is in it, so that a damaged status can be deleted.

    Raises:
        RecordError: if the folder holds foreign files or the run of another configuration, in which case nothing is
            changed, or if a file cannot be removed or written.
    """
    if folder.exists() and not folder.is_dir():
        raise RecordError(f"run_dir={folder} is a file; choose a folder")
    with told(f"run_dir={folder} cannot be read", "choose another folder"):
        entries = [path for path in folder.iterdir() if not is_leftover(path)] if folder.is_dir() else []
    now = _plain_identity(config)
    has_status = (folder / STATUS_FILE).is_file()
    before = None if has_status else _configured_identity(folder)
    if entries and not has_status and before is None:
        raise RecordError(
            f"run_dir={folder} holds files that no run wrote, such as {entries[0].name}; choose another folder"
        )
    if entries and overwrite:
        return _cleared(folder, now)
    record = LocalRecord.open(folder)
    if record.status.get(CLEARING):
        if record.status.get("identity") == now:
            return _cleared(folder, now)
        raise RecordError(
            f"run_dir={folder}: deleting its results with overwrite=true was interrupted; set overwrite=true again, or "
            "choose another run_dir"
        )
    before = _recorded_identity(record.status) or before
    if before is not None and before != now:
        raise RecordError(
            f"run_dir={folder} belongs to another configuration: {'; '.join(differences(before, now)[:3])}\n"
            "choose another run_dir, or set overwrite=true to delete its results"
        )
    remove_leftovers(folder)
    record.update(identity=now)
    return record


def is_leftover(path: Path) -> bool:
    """Return whether a file is a lock, or an unfinished file of a process that was killed."""
    return path.name == LOCK_FILE or (path.name.startswith(PARTIAL) and not path.is_dir())


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files that killed processes left in a folder and below it.

    Raises:
        RecordError: if one cannot be removed.
    """
    with told(f"an unfinished file in {folder} cannot be removed", "check the permissions of the folder"):
        for leftover in folder.rglob(f"{PARTIAL}*"):
            if not leftover.is_dir():
                leftover.unlink(missing_ok=True)


def is_of(status: Mapping[str, Any], config: dict[str, Any]) -> bool:
    """Return whether a run's record belongs to this plain configuration."""
    return bool(_recorded_identity(status) == _plain_identity(config))


def _plain_identity(config: dict[str, Any]) -> Any:
    return json.loads(json.dumps(identity(config), default=str))


def _recorded_identity(status: Mapping[str, Any]) -> Any:
    """Return the identity in a record, None if it has none."""
    before = status.get("identity")
    # A run of an earlier version, which lacked some key, is continued if that key has its default value.
    return None if before is None else identity(with_defaults(before))


def _configured_identity(folder: Path) -> Any:
    """Return the identity of the run whose ``config.yaml`` is in a folder, None if there is no such file."""
    try:
        plain = dict(read_configuration(folder))
        if not plain.keys() >= SIGNS:
            return None
        return _plain_identity(with_defaults(plain))
    # No other error of a damaged or foreign file matters either: the folder is then not known to be a run's.
    except Exception:
        return None


def _cleared(folder: Path, now: Any) -> LocalRecord:
    """Remove what an earlier run wrote, and nothing else; return the record of a run that begins.

    The status is replaced first, by one that says what is under way, and at no time is there none: however this ends,
    the folder is known to be a run's, and the same command clears it again.

    Raises:
        RecordError: if a file cannot be removed or written.
    """
    record = LocalRecord(folder, {"identity": now, "stages": {}, "state": "running", CLEARING: True})
    record.update()
    remove_leftovers(folder)
    with told(f"the results in {folder} cannot be removed", "check the permissions of the folder"):
        for pattern in OUR_FILES:
            for path in folder.glob(pattern):
                if path.name == STATUS_FILE:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
    for key in (CLEARING, "state"):
        del record.status[key]
    record.update()
    return record


def write_config(folder: Path, text: str) -> None:
    """Write the composed configuration next to the results."""
    write_text(folder / CONFIG_FILE, text)
