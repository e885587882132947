"""What a motion file holds, whatever its format, and how it is put into the world: on the floor, facing +Z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentman.motion.humanml3d import heading
from latentman.motion.skeleton import about_y
from latentman.types import Array

FLOOR_PERCENTILE = 3.0
"""Of the lowest joint of every frame: a single frame that dips below the floor does not lift all others."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Joints (T, 22, 3) in metres, Y up, at the file's own ``fps``; ``rigged`` if they came from a skeleton of its own.

    The ``text`` is what the file says of itself, if it does; ``skipped`` counts the frames that were left out in front.
    """

    joints: Array
    fps: float
    text: str | None = None
    rigged: bool = False
    skipped: int = 0


def floor_height(joints: Array) -> float:
    """Return the height of the floor under joints (T, 22, 3): a low percentile of each frame's lowest joint."""
    return float(np.percentile(joints[..., 1].min(axis=1), FLOOR_PERCENTILE))


def settle(joints: Array) -> Array:
    """Return joints (T, 22, 3) moved as one: the floor at y = 0, the first frame's pelvis at x = z = 0, facing +Z."""
    moved = np.array(joints, dtype=np.float64)
    moved[..., 1] -= floor_height(moved)
    moved[..., [0, 2]] -= moved[0, 0, [0, 2]]
    settled: Array = moved @ about_y(-heading(moved[:1])[0]).T
    return settled
