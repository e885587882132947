"""How a motion is put into the world: on the floor, from x = z = 0, facing +Z."""

from __future__ import annotations

import numpy as np

from latentman.motion.humanml3d import heading
from latentman.motion.skeleton import HIPS, SHOULDERS, about_y
from latentman.types import Array

FLOOR_PERCENTILE = 3.0
"""Of the lowest joint of every frame: a single frame that dips below the floor does not lift all others."""

_SIDEWAYS = 0.2
"""Part of the line between the hips, and the shoulders, that must be horizontal for the body to face anywhere."""


def floor_height(joints: Array) -> float:
    """Return the height of the floor under joints (T, 22, 3): a low percentile of each frame's lowest joint."""
    return float(np.percentile(joints[..., 1].min(axis=1), FLOOR_PERCENTILE))


def settle(joints: Array, yaw: float | None = None, floor: float | None = None) -> Array:
    """Return joints (T, 22, 3) moved as one: the floor at y = 0, the first frame's pelvis at x = z = 0, facing +Z.

    Args:
        joints: metres, Y up.
        yaw: the heading in radians that becomes +Z; None takes that of the first frame. A body that lies on its side
            faces nowhere, and takes that of the first frame in which it does face somewhere.
        floor: its height in metres; None takes :func:`floor_height`.
    """
    moved = np.array(joints, dtype=np.float64)
    moved[..., 1] -= floor_height(moved) if floor is None else floor
    moved[..., [0, 2]] -= moved[0, 0, [0, 2]]
    if yaw is None:
        frame = _first_facing(moved)
        yaw = float(heading(moved[frame : frame + 1])[0])
    settled: Array = moved @ about_y(-np.asarray(yaw)).T
    return settled


def _first_facing(joints: Array) -> int:
    """Return the first frame whose hips and shoulders span a line that is horizontal enough; 0 if there is none."""
    across = joints[:, [HIPS[0], SHOULDERS[0]]] - joints[:, [HIPS[1], SHOULDERS[1]]]
    line = across.sum(axis=1)
    flat = np.linalg.norm(line[:, [0, 2]], axis=-1) > _SIDEWAYS * np.linalg.norm(across, axis=-1).sum(axis=-1)
    return int(np.argmax(flat))
