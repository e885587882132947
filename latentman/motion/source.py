"""The interface of motion sources: a prompt to a motion, and the inputs from the rest of the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
