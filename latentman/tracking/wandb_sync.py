"""Uploads offline W&B runs from a machine that has a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from latentman.errors import ConfigError, LatentManError, RecordError
from latentman.tracking.wandb_server import has_key, server_address, why_unreachable

AT_ONCE = 50
"""Maximum number of runs per call of ``wandb sync``."""


class NothingToSyncError(LatentManError):
    """A folder without offline W&B runs."""


def offline_runs(folder: Path) -> list[Path]:
    """Return the offline W&B folders below a run or a sweep, the oldest first.

    Folders that were uploaded already are included; W&B itself skips them.

    Raises:
        RecordError: if ``folder`` is not a folder.
        NothingToSyncError: if there are none.
    """
    if not folder.is_dir():
        raise RecordError(
            f"{folder} is not a folder; give the folder of a run or a sweep: make wandb-sync DIR=runs/NAME/TIME"
        )
    found = [path for path in folder.rglob("wandb/offline-run-*") if path.is_dir()]
    if not found:
        raise NothingToSyncError(
            f"there are no offline runs of W&B below {folder}; logger=wandb_offline writes them, and so does "
            "logger=wandb without a server"
        )
    return sorted(found, key=lambda path: path.name)


def sync(folder: Path, *, dry_run: bool = False) -> int:
    """Upload the offline runs below a folder and return how many there are.

    Args:
        folder: the folder of a run or a sweep.
        dry_run: let W&B print what it would upload; needs neither a key nor a server.

    Raises:
        ConfigError: if there is no key, or no server answers.
        RecordError: if W&B could not upload a run.
        NothingToSyncError: if there are no offline runs.
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
                f"wandb sync ended with status {done.returncode}; the offline runs are kept: try again later"
            )
    return len(runs)
