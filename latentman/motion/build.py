"""From the configuration to a motion source, through one explicit table of names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from latentman.config import MotionConfig
from latentman.errors import check_choice
from latentman.motion.procedural import ProceduralSource
from latentman.types import Motion


class MotionSource(Protocol):
    """What turns a text into a moving skeleton."""

    def __call__(self, text: str, *, num_frames: int, seed: int) -> Motion:
        """Return at least ``num_frames`` motion frames of what ``text`` says, drawn from ``seed`` alone."""
        ...


SOURCES: dict[str, Callable[[MotionConfig], MotionSource]] = {
    "procedural": lambda cfg: ProceduralSource(cfg.fps),
}
"""Every motion source, by the name that ``motion=`` chooses."""


def build(cfg: MotionConfig) -> MotionSource:
    """Return the motion source that the configuration names.

    Raises:
        ConfigError: if ``motion.name`` is not one of the sources.
    """
    check_choice("motion", cfg.name, SOURCES)
    return SOURCES[cfg.name](cfg)
