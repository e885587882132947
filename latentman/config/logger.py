"""The schema of ``logger``: which trackers mirror the local record, and where they send it."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from latentman.config.groups import at_least, positive
from latentman.errors import ConfigError
from latentman.system.plugins import check_option

BACKENDS = ("wandb", "wandb_offline", "tensorboard", "trackio")
"""Trackers that may mirror a run; the local record is not one of them and is always written."""


@dataclass
class LoggerConfig:
    """Trackers that receive a run in addition to its folder. Never part of a result: runs may differ here."""

    name: str = MISSING
    backends: list[str] = field(default_factory=list)
    """Any of ``BACKENDS``, several at once; ``local`` may be named too and changes nothing."""
    project: str = "latentman"
    """Name of the project in the trackers."""
    entity: str | None = None
    """The W&B team or user; null means the default of the account that is logged in."""
    max_videos: int = 2
    """Videos of one run that are uploaded: the result, the correspondences, the depth, the IUV, in this order."""
    init_timeout: float = 20.0
    """Seconds to wait for a server before the run is kept offline."""
    finish_timeout: float = 60.0
    """Seconds to wait for the last uploads after a run has ended."""

    def __post_init__(self) -> None:
        for name in self.backends:
            check_option("latentman.trackers", name, ("local", *BACKENDS), "logger.backends")
        if len(set(self.backends)) < len(self.backends):
            raise ConfigError(f"logger.backends={self.backends} names a backend twice: give each backend once")
        if {"wandb", "wandb_offline"} <= set(self.backends):
            raise ConfigError(
                "logger.backends holds wandb and wandb_offline, which are one backend: give wandb, which goes offline "
                "automatically when no server answers, or wandb_offline"
            )
        if not self.project.strip():
            raise ConfigError("logger.project is empty: give the name of a project, such as latentman")
        at_least("logger.max_videos", self.max_videos, 0)
        positive("logger.init_timeout", self.init_timeout)
        positive("logger.finish_timeout", self.finish_timeout)

    @property
    def mirrors(self) -> list[str]:
        """The backends besides the local record, in the order given."""
        return [name for name in self.backends if name != "local"]
