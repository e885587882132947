"""The one door through which every recording becomes a motion: all checks and conversions, for all formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from latentman.motion.recorded.recording import Recording
from latentman.types import Array, Motion


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asked for: ``motion.file_fps``, ``motion.up``, ``motion.forward`` and ``motion.mirror``.

    ``skip_frames`` None leaves out a rest pose in front, if there is one. ``rest_joints`` gives the fitted body's
    T-pose joints (24, 3) in metres, which files of rotations need.
    """

    file_fps: float | None = None
    up: str = "auto"
    forward: str = "auto"
    mirror: str = "auto"
    skip_frames: int | None = None
    rest_joints: Callable[[], Array] | None = None


def to_motion(recording: Recording, settings: Settings, fps: float, text: str) -> Motion:
    """Return the motion of a recording at ``fps`` frames a second, on the floor, from x = z = 0, facing +Z."""
    raise NotImplementedError
