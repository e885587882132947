"""What every motion source is: a prompt to a motion, given what surrounds it; and what a family of sources answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from latentman.config import MotionConfig
from latentman.types import Array, Motion


class MotionSource(Protocol):
    """Maps a text to a moving skeleton."""

    def __call__(self, text: str, *, num_frames: int, seed: int) -> Motion:
        """Return the motion described by ``text``; randomness comes only from ``seed``.

        The procedural source returns ``num_frames`` frames. Other sources return their own length, and
        :func:`window.cut` handles motions that are too short.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Inputs of a source besides its own settings.

    ``weights`` is the folder of the user's weights; ``device`` is the torch device of networks; ``rest_joints`` returns
    the T-pose joints (24, 3) in metres of the body that will be fitted, for files that hold rotations instead of
    positions.
    """

    weights: Path
    device: str = "cpu"
    rest_joints: Callable[[], Array] | None = None


def no_files(cfg: MotionConfig, weights: Path) -> Mapping[str, Path]:
    """Return the files of a family that reads none."""
    return {}


def check_nothing(cfg: MotionConfig, weights: Path) -> None:
    """Check a family whose listed files are all that it needs."""


@dataclass(frozen=True, slots=True)
class MotionFamily:
    """What is asked of a motion source by its name, before and after it is built."""

    build: Callable[[MotionConfig, Surroundings], MotionSource]
    """Return the source. Raises ``ConfigError`` or ``WeightsError`` where its settings or files do not fit."""
    files: Callable[[MotionConfig, Path], Mapping[str, Path]] = no_files
    """Return the user's own files and folders on which a motion depends, by what they are, given the settings and the
    folder of the user's weights. Opens none of them; raises ``ConfigError`` or ``WeightsError`` if a needed one is not
    there."""
    check: Callable[[MotionConfig, Path], None] = check_nothing
    """Check before the first stage what the source reads besides those files. Raises ``WeightsError``."""
    needs_rest_joints: bool = False
    """Whether a motion takes its bones from the body that will be fitted, and so depends on that body."""
