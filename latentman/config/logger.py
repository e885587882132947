"""The schema of ``logger``: which trackers mirror the local record, and where they send it."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from latentman.config.groups import at_least, positive
from latentman.errors import ConfigError, check_choice

BACKENDS = ("wandb", "wandb_offline", "tensorboard", "trackio")
"""Trackers that may mirror a run; the local record is always written and is none of them."""


@dataclass
class LoggerConfig:
    """Who is told of a run beside its own folder. Never part of a result: runs that differ here are the same run."""

    name: str = MISSING
    backends: list[str] = field(default_factory=list)
    """Any of ``BACKENDS``, side by side; ``local`` may be named too and changes nothing."""
    project: str = "latentman"
    entity: str | None = None
    """The W&B team or user; null means the default one of whoever is logged in."""
    max_videos: int = 2
    """Videos of one run that are handed on: the result, the correspondences, the depth, the IUV; in this order."""
    init_timeout: float = 20.0
    """Seconds for a server to answer before a run is kept offline."""
    finish_timeout: float = 60.0
    """Seconds for the last uploads when a run has ended."""

    def __post_init__(self) -> None:
        for name in self.backends:
            check_choice("logger.backends", name, ("local", *BACKENDS))
        if len(set(self.backends)) < len(self.backends):
            raise ConfigError(f"logger.backends={self.backends} names a backend twice: give each once")
        if {"wandb", "wandb_offline"} <= set(self.backends):
            raise ConfigError(
                "logger.backends holds wandb and wandb_offline, which are one backend: give wandb, which goes offline "
                "by itself where there is no server, or wandb_offline"
            )
        if not self.project.strip():
            raise ConfigError("logger.project is empty: give the name of a project, such as latentman")
        at_least("logger.max_videos", self.max_videos, 0)
        positive("logger.init_timeout", self.init_timeout)
        positive("logger.finish_timeout", self.finish_timeout)

    @property
    def mirrors(self) -> list[str]:
        """The backends beside the local record, in the order in which they were given."""
        return [name for name in self.backends if name != "local"]
