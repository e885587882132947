"""Several trackers as one, each behind a guard: if a tracker raises or hangs, the run continues without it."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from latentman.config.logger import LoggerConfig
from latentman.errors import MissingExtraError
from latentman.system.plugins import Options
from latentman.tracking.protocol import TrackedRun, Tracker
from latentman.tracking.worker import Worker

logger = logging.getLogger("latentman.tracking")

PATIENCE_S = 120.0
"""Seconds that one call of a tracker may take where the settings do not say."""

Opener = Callable[[LoggerConfig, TrackedRun], Tracker]

OPENERS = {
    "wandb": ("latentman.tracking.wandb", "open_wandb"),
    "wandb_offline": ("latentman.tracking.wandb", "open_wandb_offline"),
    "tensorboard": ("latentman.tracking.tensorboard", "TensorboardTracker"),
    "trackio": ("latentman.tracking.trackio", "TrackioTracker"),
}
"""For each backend, the module and the name in it that opens a tracker; imported only when the backend is chosen."""

EXTRAS = {"tensorboard": "tensorboard", "trackio": "trackio"}
"""Backends whose package is installed by an extra of the same name."""


def check_installed(cfg: LoggerConfig) -> None:
    """Refuse a backend whose package is not installed, before any work is done.

    Raises:
        MissingExtraError: naming the extra to install.
    """
    for name in cfg.mirrors:
        if name in EXTRAS and find_spec(EXTRAS[name]) is None:
            raise MissingExtraError(
                f"logger={name} needs the package {EXTRAS[name]}, which is not installed: "
                f"pip install 'latentman[{EXTRAS[name]}]', or choose logger=local"
            )


def patience_of(cfg: LoggerConfig) -> float:
    """Return the seconds that one call of a tracker may take: more than the timeouts that it observes by itself."""
    return cfg.init_timeout + cfg.finish_timeout + 10


def find_opener(name: str) -> Opener:
    """Import and return the function or class that opens a tracker of this name."""
    return TRACKERS[name]()


def _imported(name: str) -> Opener:
    module, attribute = OPENERS[name]
    opener: Opener = getattr(importlib.import_module(module), attribute)
    return opener


def _adapt(name: str, value: Any) -> Callable[[], Opener]:
    if not callable(value):
        raise TypeError(f"it is {type(value).__name__}, not a function of LoggerConfig and TrackedRun")
    return lambda: value


TRACKERS: Options[Callable[[], Opener]] = Options(
    "latentman.trackers", {name: partial(_imported, name) for name in OPENERS}, _adapt
)
"""What imports the opener of each backend, plugins included."""


@dataclass
class MultiLogger:
    """All mirrors of one run. No method raises or hangs: a tracker that does is named in one warning and left out.

    ``states`` holds for each mirror ``open``, ``off`` after a failure, or the status it was finished with.
    """

    trackers: dict[str, Tracker] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    patience_s: float = PATIENCE_S
    """Seconds that one call of a tracker may take."""
    _workers: dict[str, Worker] = field(default_factory=dict)

    @classmethod
    def open(cls, openers: Mapping[str, Callable[[], Tracker]], patience_s: float = PATIENCE_S) -> MultiLogger:
        """Open every tracker that can be opened.

        Args:
            openers: by name; each is called in the thread in which its tracker is called later.
            patience_s: seconds that one call of a tracker may take.
        """
        multi = cls(patience_s=patience_s)
        for name, opener in openers.items():
            multi._workers[name] = Worker(f"latentman-{name}")
            try:
                multi.trackers[name] = multi._workers[name].do(opener, patience_s)
                multi.states[name] = "open"
            except (Exception, SystemExit) as error:
                multi._switch_off(name, error)
        return multi

    @property
    def places(self) -> dict[str, str]:
        """The address or folder of each mirror."""
        return {name: tracker.place for name, tracker in self.trackers.items()}

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Pass on the configuration."""
        self._each(lambda tracker: tracker.log_config(config))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Pass on the numbers of a step, or of the whole run."""
        self._each(lambda tracker: tracker.log_metrics(metrics, step))

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Pass on a table."""
        self._each(lambda tracker: tracker.log_table(name, columns, rows))

    def log_video(self, name: str, path: Path, caption: str) -> None:
        """Pass on an MP4."""
        self._each(lambda tracker: tracker.log_video(name, path, caption))

    def log_file(self, name: str, path: Path) -> None:
        """Pass on a file."""
        self._each(lambda tracker: tracker.log_file(name, path))

    def finish(self, status: str) -> None:
        """End every mirror with the run's status."""
        self._each(lambda tracker: tracker.finish(status))
        self.states.update(dict.fromkeys(self.trackers, status))
        for name in list(self.trackers):
            self._drop(name)

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self.trackers.items()):
            try:
                self._workers[name].do(partial(call, tracker), self.patience_s)
            # A library may end the process, as some do without a key. A KeyboardInterrupt is the user's.
            except (Exception, SystemExit) as error:
                self._switch_off(name, error)

    def _switch_off(self, name: str, error: BaseException) -> None:
        text = (str(error).strip().splitlines() or [""])[0]
        self._drop(name)
        self.states[name] = "off"
        logger.warning(
            "logger %s failed and is switched off; the run continues, and its folder holds everything (%s: %s)",
            name, type(error).__name__, text,
        )  # fmt: skip

    def _drop(self, name: str) -> None:
        self.trackers.pop(name, None)
        if (worker := self._workers.pop(name, None)) is not None:
            worker.end()
