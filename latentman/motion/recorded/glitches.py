"""Faults of recorded motion: a rest pose in front, and jumps of the tracking within."""

from __future__ import annotations

import numpy as np

from latentman.types import Array

GLITCH_SPEED = 13.0
"""Metres a second above which a joint has jumped rather than moved; a kick's foot reaches about 10."""

_LEAD_IN = 3
"""Frames at most that a rest pose in front takes."""

_LONE_STEP = 0.1
_LONE_RATIO = 5.0
_AFTER = 10


def _steps(joints: Array) -> Array:
    """Return how far the fastest joint of (T, J, 3) goes in each step, (T-1,), in metres."""
    steps: Array = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(axis=-1)
    return steps


def lead_in(joints: Array, fps: float) -> int:
    """Return how many frames at the beginning are no part of the motion, such as the T-pose that many exporters add.

    They end with a jump within the first steps: faster than any joint moves, or over 10 cm and five times as far as any
    of the next ten steps.
    """
    steps = _steps(joints)
    for index in reversed(range(min(_LEAD_IN, len(steps) - 1))):
        after = steps[index + 1 : index + 1 + _AFTER]
        lone = steps[index] > max(_LONE_STEP, _LONE_RATIO * after.max())
        if steps[index] * fps > GLITCH_SPEED or lone:
            return index + 1
    return 0


def smooth_parts(joints: Array, fps: float, shortest: int) -> list[tuple[int, int]]:
    """Return the half-open ranges of frames between glitches, those of at least ``shortest`` frames.

    The frame before and the frame after a jump are left out with it.
    """
    jumps = np.flatnonzero(_steps(joints) * fps > GLITCH_SPEED)
    starts = [0, *(jumps + 2)]
    ends = [*jumps, len(joints)]
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if b - a >= shortest]
