"""Uploads the W&B runs that were kept offline, from a machine that has a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from latentman.errors import ConfigError, LatentManError, RecordError
from latentman.tracking.wandb_server import has_key, server_address, why_unreachable

AT_ONCE = 50
"""Runs that one call of ``wandb sync`` is given."""


class NothingToSyncError(LatentManError):
    """A folder without W&B runs that wait for an upload."""


def offline_runs(folder: Path) -> list[Path]:
    """Return the W&B folders below a run or a sweep that were kept offline, the oldest first.

    Those that are uploaded already are among them; W&B itself passes over them.

    Raises:
        RecordError: if ``folder`` is no folder.
        NothingToSyncError: if there are none.
    """
    if not folder.is_dir():
        raise RecordError(f"{folder} is no folder; give that of a run or a sweep: make wandb-sync DIR=runs/NAME/TIME")
    found = [path for path in folder.rglob("wandb/offline-run-*") if path.is_dir()]
    if not found:
        raise NothingToSyncError(
            f"there are no offline runs of W&B below {folder}; they are made by logger=wandb_offline, and by "
            "logger=wandb where there is no server"
        )
    return sorted(found, key=lambda path: path.name)


def sync(folder: Path, *, dry_run: bool = False) -> int:
    """Upload the offline runs below a folder and return how many there are.

    Args:
        folder: of a run or a sweep.
        dry_run: let W&B say what it would upload; needs neither a key nor a server.

    Raises:
        ConfigError: if there is no key, or no server answers.
        RecordError: if W&B could not upload one of them.
        NothingToSyncError: if there are none.
    """
    runs = offline_runs(folder)
    if not dry_run:
        server = server_address()
        if not has_key(server):
            raise ConfigError(f"there is no key for {server}: wandb login, or set WANDB_API_KEY; nothing was uploaded")
        if (reason := why_unreachable(server)) is not None:
            raise ConfigError(f"nothing was uploaded: {reason}; try again from a machine that reaches {server}")
    flags = ["--dry-run"] if dry_run else ["--yes"]
    environment = {key: value for key, value in os.environ.items() if key not in ("WANDB_MODE", "WANDB_SILENT")}
    for first in range(0, len(runs), AT_ONCE):
        some = [str(path) for path in runs[first : first + AT_ONCE]]
        done = subprocess.run([sys.executable, "-m", "wandb", "sync", *flags, *some], env=environment, check=False)
        if done.returncode != 0:
            raise RecordError(
                f"wandb sync ended with status {done.returncode}; the runs stay where they are: try again later"
            )
    return len(runs)
