"""What every motion source is: a prompt to a motion, given what surrounds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from latentman.types import Array, Motion


class MotionSource(Protocol):
    """What turns a text into a moving skeleton."""

    def __call__(self, text: str, *, num_frames: int, seed: int) -> Motion:
        """Return the motion of what ``text`` says, drawn from ``seed`` alone.

        The procedural source makes ``num_frames`` frames; others make what they can, and :func:`window.cut` decides
        what happens when that is less.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a source may need beside its own settings.

    ``weights`` is the folder of the user's weights; ``device`` where networks run; ``rest_joints`` returns the T-pose
    joints (24, 3) in metres of the body that will be fitted, for files that hold rotations instead of positions.
    """

    weights: Path
    device: str = "cpu"
    rest_joints: Callable[[], Array] | None = None
