"""The mirror in trackio: a local database with a dashboard (``trackio show``), without a server or an account."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latentman.config.logger import LoggerConfig
from latentman.tracking.protocol import TrackedRun


class TrackioTracker:
    """One run in trackio's database, which is in $TRACKIO_DIR or in trackio's default folder.

    trackio identifies runs by name, so the name ends with a part of the id, by which a continued run is found again.

    Args:
        cfg: the project.
        run: id, names and group.
    """

    def __init__(self, cfg: LoggerConfig, run: TrackedRun) -> None:
        with _quietly():
            import trackio

            self._trackio = trackio
            self._run = trackio.init(
                project=cfg.project, name=f"{run.name} {run.id[:6]}", group=run.group, resume="allow",
                embed=False, auto_log_gpu=False, auto_log_cpu=False,
            )  # fmt: skip
        self._run.config.update({"job_type": run.job_type, "tags": list(run.tags), "folder": run.folder.name})
        self.place = f'trackio show --project "{cfg.project}"'

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Set the run's configuration; trackio stores it with the first number."""
        self._run.config.update(dict(config))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers."""
        self._log(dict(metrics), step)

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Log a table."""
        self._log({f"tables/{name}": self._trackio.Table(columns=list(columns), data=[list(row) for row in rows])})

    def log_video(self, name: str, path: Path, caption: str) -> None:
        """Log an MP4 by its path; it is copied into trackio's folder."""
        self._log({f"videos/{name}": self._trackio.Video(str(path), caption=caption)})

    def log_file(self, name: str, path: Path) -> None:
        """Display an HTML page; of any other file only the name is logged."""
        if path.suffix == ".html":
            self._log({name: self._trackio.Html(path.read_text(encoding="utf-8"), data_is_not_path=True)})
        else:
            self.log_table(name, ["file"], [[path.name]])

    def finish(self, status: str) -> None:
        """Log the status and close the run."""
        self.log_table("status", ["status"], [[status]])
        with _quietly():
            self._run.finish()

    def _log(self, values: dict[str, Any], step: int | None = None) -> None:
        with _quietly():
            self._run.log(values, step=step)


@contextlib.contextmanager
def _quietly() -> Any:
    """Keep trackio's greetings off stdout."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
