"""The damage in the runs and sweeps below a folder, found by reading alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.record.damage import damaged_outputs
from latentman.record.local import METRICS_FILE, STATUS_FILE, read_object
from latentman.record.metrics_file import means_of, with_costs
from latentman.record.run_folder import CLEARING
from latentman.record.status import mapping, read_status, run_folders
from latentman.record.sweep_plan import PLAN_FILE, read_plan
from latentman.system.locks import is_locked

REMEDY = "give the run's command again, with its run_dir or sweep_dir, to make it again"


@dataclass(frozen=True, slots=True)
class Damage:
    """A file or a record that is not as it was written."""

    path: Path
    what: str
    remedy: str = REMEDY


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found below a folder."""

    damage: tuple[Damage, ...]
    runs: int
    """Runs and jobs that were checked."""
    busy: int
    """Those on which a process is working now; they are not checked."""
    without_digests: int
    """Finished runs of versions that recorded no digests: only their records were checked."""


def check_folder(root: Path) -> Checked:
    """Check every run, job and sweep below a folder, and change nothing.

    Args:
        root: the folder of a run, a job or a sweep, or one above them.

    Raises:
        RecordError: if it is not a folder, cannot be read, or holds no run.
        LaterFormatError: if a later version wrote one of the records.
    """
    folders, plans = run_folders(root), sorted(root.rglob(PLAN_FILE))
    if not folders and not plans:
        raise RecordError(f"no run in {root}: give the folder of a run or a sweep, such as runs/NAME/TIME")
    damage = [found for path in plans for found in _plan_damage(path)]
    busy = without = 0
    for folder in folders:
        if is_locked(folder) or (is_locked(folder.parent) and (folder.parent / STATUS_FILE).exists()):
            busy += 1
            continue
        status = read_status(folder)
        damage += _run_damage(folder, status)
        without += status.get("state") == "done" and status.get("kind") != "job" and not _has_digests(status)
    return Checked(tuple(damage), len(folders) - busy, busy, without)


def _plan_damage(path: Path) -> Iterator[Damage]:
    try:
        read_plan(path.parent)
    except RecordError:
        yield Damage(path, "damaged", "delete it and give the sweep's command again, which writes a new plan")


def _run_damage(folder: Path, status: Mapping[str, Any]) -> Iterator[Damage]:
    if status.get("state") == "damaged":
        yield Damage(folder / STATUS_FILE, "damaged", f"delete it, then {REMEDY}")
        return
    if status.get(CLEARING):
        yield Damage(folder, "deleting its results was interrupted", "give the same command with overwrite=true again")
        return
    for files in damaged_outputs(folder, status).values():
        for name, what in files.items():
            yield Damage(folder / name, what)
    if status.get("state") == "done":
        yield from _metrics_damage(folder, status)


def _metrics_damage(folder: Path, status: Mapping[str, Any]) -> Iterator[Damage]:
    """Yield ``metrics.json`` if it is not what follows from the record, or for a job from its runs."""
    path = folder / METRICS_FILE
    try:
        found = read_object(path)
        if status.get("kind") == "job":
            runs = [inner for inner in run_folders(folder) if inner != folder]
            expected = means_of(runs) if len(runs) == status.get("num_prompts") else found
        else:
            expected = with_costs(folder, dict(status)) if mapping(status, "stages") else found
    except (RecordError, KeyError, TypeError, ValueError):
        yield Damage(path, "damaged" if path.exists() else "missing")
        return
    if found != expected:
        yield Damage(path, "changed")


def _has_digests(status: Mapping[str, Any]) -> bool:
    return any(isinstance(entry, Mapping) and entry.get("files") for entry in mapping(status, "stages").values())
