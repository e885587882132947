"""The mirror on Weights & Biases, on a server or, without one, in files that can be uploaded later.

W&B writes only to ``wandb/`` inside the run folder. It receives the public part of the configuration, the numbers, the
tables and the videos. It asks nothing on the terminal and receives no console output, code, paths or host names.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latentman.config.logger import LoggerConfig
from latentman.tracking.protocol import TrackedRun
from latentman.tracking.wandb_server import has_key, server_address, why_unreachable

logger = logging.getLogger("latentman.tracking")

KILLED = 255
"""The status with which W&B itself ends a run after Ctrl-C."""

LONGEST_TAG = 64
LONGEST_NAME = 128
"""Limits of the server in characters."""


def open_wandb(cfg: LoggerConfig, run: TrackedRun) -> WandbTracker:
    """Open a run on the server, or offline with one warning if there is no key or the server does not answer.

    ``WANDB_MODE=offline`` and ``WANDB_MODE=disabled`` in the environment are respected.
    """
    wanted = os.environ.get("WANDB_MODE", "online")
    if wanted in ("disabled", "offline", "dryrun"):
        return WandbTracker(cfg, run, "offline" if wanted == "dryrun" else wanted)
    _quiet()
    server = server_address()
    reason = why_unreachable(server) if has_key(server) else f"there is no key for {server}: wandb login"
    if reason is None:
        try:
            return WandbTracker(cfg, run, "online")
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            _forget_failed_start()
    logger.warning(
        "logger wandb is offline, because %s; to upload this run later, with a network: make wandb-sync DIR=%s",
        reason, run.folder,
    )  # fmt: skip
    return WandbTracker(cfg, run, "offline")


def open_wandb_offline(cfg: LoggerConfig, run: TrackedRun) -> WandbTracker:
    """Open a run that needs no network."""
    return WandbTracker(cfg, run, "offline")


def _quiet() -> None:
    """Keep W&B from writing between our progress bars; a user's WANDB_SILENT=false is respected."""
    os.environ.setdefault("WANDB_SILENT", "true")


def _forget_failed_start() -> None:
    """End W&B's background process, which would treat the id of a run that could not be opened as in use."""
    import wandb

    wandb.teardown()


class WandbTracker:
    """One W&B run.

    A continued run keeps its id. On a server it is the same run; offline it gets an additional folder, and both are
    joined when they are uploaded.

    Args:
        cfg: project, entity and timeouts.
        run: folder, id, names and tags.
        mode: ``online``, ``offline`` or ``disabled``.
    """

    def __init__(self, cfg: LoggerConfig, run: TrackedRun, mode: str) -> None:
        _quiet()
        import wandb

        self._wandb = wandb
        self._axes: set[str] = set()
        self._run: Any = wandb.init(
            mode=mode,  # type: ignore[arg-type, unused-ignore]
            dir=str(run.folder),
            project=cfg.project,
            entity=cfg.entity,
            id=run.id,
            resume="allow",
            name=run.name[:LONGEST_NAME],
            group=run.group[:LONGEST_NAME],
            job_type=run.job_type,
            tags=[tag[:LONGEST_TAG] for tag in run.tags if tag],
            reinit="create_new",
            settings=_settings(cfg),
        )
        self.place = str(self._run.url or self._run.settings.sync_dir)

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Set the run's configuration; a continued run may change keys that do not affect its result."""
        self._run.config.update(dict(config), allow_val_change=True)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Plot the numbers of a step against the step, or put the numbers of the whole run into the summary."""
        if step is None:
            self._run.summary.update(dict(metrics))
            return
        values: dict[str, float] = dict(metrics)
        for axis in {f"{name.rpartition('/')[0]}/step".lstrip("/") for name in metrics}:
            if axis not in self._axes:
                self._axes.add(axis)
                self._run.define_metric(axis, hidden=True)
                self._run.define_metric(f"{axis.removesuffix('step')}*", step_metric=axis)
            values[axis] = step
        self._run.log(values)

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Log a table."""
        table = self._wandb.Table(columns=list(columns), data=[list(row) for row in rows], allow_mixed_types=True)
        self._run.log({f"tables/{name}": table})

    def log_video(self, name: str, path: Path, caption: str) -> None:
        """Log an MP4 by its path: it is copied, not encoded again."""
        self._run.log({f"videos/{name}": self._wandb.Video(str(path), caption=caption, format="mp4")})

    def log_file(self, name: str, path: Path) -> None:
        """Display an HTML page; keep any other file among the run's files."""
        if path.suffix == ".html":
            self._run.log({name: self._wandb.Html(path.read_text(encoding="utf-8"), inject=False)})
            return
        # A copy: W&B would make a link, and the folder may be moved before it is uploaded.
        copy = Path(self._run.dir) / path.name
        shutil.copyfile(path, copy)
        self._run.save(str(copy), base_path=self._run.dir, policy="now")

    def finish(self, status: str) -> None:
        """Finish the run; an interrupted one is killed in W&B's words, not failed."""
        self._run.summary.update({"status": status})
        self._run.finish(exit_code={"done": 0, "interrupted": KILLED}.get(status, 1))


def _settings(cfg: LoggerConfig) -> Any:
    """Return W&B's settings, without those that the installed version of W&B does not know."""
    import wandb

    wanted = {
        "init_timeout": cfg.init_timeout,
        "finish_timeout": cfg.finish_timeout,
        "finish_timeout_raises": True,
        "console": "off",
        "silent": os.environ.get("WANDB_SILENT", "true").lower() != "false",
        "disable_code": True,
        "disable_git": True,
        "x_disable_meta": True,
        "x_disable_stats": True,
        "x_disable_machine_info": True,
        # Empty settings would be filled in with the machine's and the user's own.
        "host": "-",
        "username": "-",
        "email": "-",
    }
    known = getattr(wandb.Settings, "model_fields", wanted)
    return wandb.Settings(**{key: value for key, value in wanted.items() if key in known})
