"""The mirror on Weights & Biases, with a server or, where there is none, in files that are uploaded later.

Everything that W&B writes lies in ``wandb/`` inside the run folder. No prompt, no capture of the console, no code, no
paths and no host names: what is sent is the public part of the configuration, the numbers, the tables and the videos.
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

LONGEST_TAG = 64
LONGEST_NAME = 128
"""What the server refuses to take more of."""


def open_wandb(cfg: LoggerConfig, run: TrackedRun) -> WandbTracker:
    """Open a run on the server, or offline with one warning where there is no key or nobody answers.

    ``WANDB_MODE=offline`` or ``disabled`` in the environment is obeyed.
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
        "logger wandb is offline, since %s; to upload this run later, where there is a network: make wandb-sync DIR=%s",
        reason, run.folder,
    )  # fmt: skip
    return WandbTracker(cfg, run, "offline")


def open_wandb_offline(cfg: LoggerConfig, run: TrackedRun) -> WandbTracker:
    """Open a run that needs no network."""
    return WandbTracker(cfg, run, "offline")


def _quiet() -> None:
    """Keep W&B from writing between our bars; who sets WANDB_SILENT=false hears it all the same."""
    os.environ.setdefault("WANDB_SILENT", "true")


def _forget_failed_start() -> None:
    """End W&B's background process: it takes the id of a run that could not be opened for one in use."""
    import wandb

    wandb.teardown()


class WandbTracker:
    """One W&B run.

    A run that goes on has the id that it had before. On a server it is the same run then; offline it gets a further
    folder, and both are joined when they are uploaded.

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
        """Set the run's configuration; that of a run which goes on may differ in what is no part of its result."""
        self._run.config.update(dict(config), allow_val_change=True)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Draw the numbers of a step over the step itself, or put those of the whole run into the summary."""
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
        """Log an mp4 by its path: it is copied, never encoded again."""
        self._run.log({f"videos/{name}": self._wandb.Video(str(path), caption=caption, format="mp4")})

    def log_file(self, name: str, path: Path) -> None:
        """Show a page of HTML, and keep a file of any other kind among the run's files."""
        if path.suffix == ".html":
            self._run.log({name: self._wandb.Html(path.read_text(encoding="utf-8"), inject=False)})
            return
        # A copy, since W&B would make a link, and the folder may be moved before it is uploaded.
        copy = Path(self._run.dir) / path.name
        shutil.copyfile(path, copy)
        self._run.save(str(copy), base_path=self._run.dir, policy="now")

    def finish(self, status: str) -> None:
        """End the run, as failed unless it is done."""
        self._run.summary.update({"status": status})
        self._run.finish(exit_code=0 if status == "done" else 1)


def _settings(cfg: LoggerConfig) -> Any:
    """Return W&B's settings; one that this version of W&B does not know is left out."""
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
    }
    known = getattr(wandb.Settings, "model_fields", wanted)
    return wandb.Settings(**{key: value for key, value in wanted.items() if key in known})
