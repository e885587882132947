"""Quality of a motion from its joints alone: sliding or sinking feet, jitter, stretching bones.

All values are in metres, seconds and their quotients, for joints (T, 22, 3) with Y up. Turning, moving or mirroring a
clip over the floor changes none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentman.errors import DataError, ShapeError
from latentman.motion.skeleton import ANKLES, PARENTS, TOES, Floats

Flags = NDArray[np.bool_]

FEET = tuple(zip(ANKLES, TOES, strict=True))
"""Ankle and toe of the left and of the right foot."""

FOOT_JOINTS = (*ANKLES, *TOES)
"""The joints that may be on the floor, in the order of the columns of :func:`contact_labels`."""

CONTACT_HEIGHT = 0.05
"""Metres above the floor below which a foot counts as on it."""

CONTACT_SPEED = 0.25
"""Speed in m/s below which a foot near the floor counts as standing."""

_FLOOR_SHARE = 0.1
_ACROSS = [0, 2]


@dataclass(frozen=True, slots=True)
class Quality:
    """The result of :func:`measure`.

    ``sliding`` m/s, mean horizontal speed of feet near the floor; ``longest_slide`` m, largest drift of a standing foot
    within one contact; ``penetration`` m, mean depth of the lowest foot joint below the floor; ``jitter`` m/s^3, mean
    magnitude of the third derivative; ``bone_variation`` %; ``root_speed`` m/s, mean, horizontal; ``contact_share`` 0
    to 1, of all feet in all frames. NaN if the clip is too short.
    """

    sliding: float
    longest_slide: float
    penetration: float
    jitter: float
    bone_variation: float
    root_speed: float
    contact_share: float


def measure(joints: Floats, fps: float, *, floor: float | None = 0.0) -> Quality:
    """Return the quality of a clip.

    Args:
        joints: (T, 22, 3) metres, Y up; further joints (SMPL's hands) are ignored.
        fps: frames per second.
        floor: height of the floor in metres; None uses :func:`floor_height`.

    Raises:
        ShapeError: if the joints have another shape.
        DataError: if they are not finite, there are none, or fps is not above 0.
    """
    joints = _checked(joints, fps)
    ground = floor_height(joints) if floor is None else floor
    labels = contact_labels(joints, fps, floor=ground)
    feet = np.stack([labels[:, [side, side + 2]].any(axis=1) for side in (0, 1)])
    return Quality(
        sliding=_sliding(joints, fps, ground),
        longest_slide=_longest_slide(joints, labels),
        penetration=float(np.maximum(0.0, ground - joints[:, FOOT_JOINTS, 1].min(axis=1)).mean()),
        jitter=jitter(joints, fps),
        bone_variation=100.0 * float(bone_variation(joints).mean()),
        root_speed=float(_mean(np.linalg.norm(np.diff(joints[:, 0, _ACROSS], axis=0), axis=-1) * fps)),
        contact_share=float(feet.mean()),
    )


def floor_height(joints: Floats) -> float:
    """Return the height of the floor: the median of the lowest foot joint over the lowest tenth of frames.

    A single frame in which a foot sinks too deep therefore does not lower the floor of the whole clip.
    """
    lowest = np.sort(joints[:, FOOT_JOINTS, 1].min(axis=1))
    return float(np.median(lowest[: max(1, round(_FLOOR_SHARE * len(lowest)))]))


def contact_labels(joints: Floats, fps: float, *, floor: float) -> Flags:
    """Return strict contact labels (T, 4) of :data:`FOOT_JOINTS`: lower than 5 cm and slower than 0.25 m/s.

    The speed of a frame is the larger of the speeds before and after it, so that a label never extends into the swing
    of the foot.
    """
    feet = joints[:, FOOT_JOINTS]
    low = feet[..., 1] < floor + CONTACT_HEIGHT
    if len(feet) < 2:
        return low
    step = np.linalg.norm(np.diff(feet, axis=0), axis=-1) * fps
    speed = np.maximum(np.concatenate([step[:1], step]), np.concatenate([step, step[-1:]]))
    return low & (speed < CONTACT_SPEED)


def bone_variation(joints: Floats) -> Floats:
    """Return the standard deviation over time of each of the 21 bones' length, divided by its mean."""
    lengths = np.linalg.norm(joints[:, 1:22] - joints[:, list(PARENTS[1:])], axis=-1)
    variation: Floats = lengths.std(axis=0) / np.maximum(lengths.mean(axis=0), 1e-9)
    return variation


def jitter(joints: Floats, fps: float) -> float:
    """Return the mean over joints and frames of |P(t+3) - 3 P(t+2) + 3 P(t+1) - P(t)| fps^3, in m/s^3."""
    return float(_mean(np.linalg.norm(np.diff(joints, n=3, axis=0), axis=-1) * fps**3))


def _sliding(joints: Floats, fps: float, floor: float) -> float:
    """Return the mean horizontal speed of each foot's lower joint over the steps in which it is near the floor."""
    speeds = []
    for pair in FEET:
        feet = joints[:, pair]
        lower = feet[..., 1].argmin(axis=1)[:-1, None, None]
        start, end = (np.take_along_axis(f, lower, axis=1)[:, 0] for f in (feet[:-1], feet[1:]))
        near = np.maximum(start[:, 1], end[:, 1]) < floor + CONTACT_HEIGHT
        speeds.append(np.linalg.norm((end - start)[near][:, _ACROSS], axis=-1) * fps)
    together = np.concatenate(speeds)
    return float(together.mean()) if len(together) else 0.0


def _longest_slide(joints: Floats, labels: Flags) -> float:
    """Return the largest horizontal distance of a foot joint from its position at the start of its contact."""
    longest = 0.0
    for column, joint in enumerate(FOOT_JOINTS):
        path = joints[:, joint, _ACROSS]
        begins = labels[:, column] & ~np.concatenate([[False], labels[:-1, column]])
        for first in np.flatnonzero(begins):
            rest = labels[first:, column]
            length = len(rest) if rest.all() else int(np.argmin(rest))
            longest = max(longest, float(np.linalg.norm(path[first : first + length] - path[first], axis=-1).max()))
    return longest


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")


def _checked(joints: Floats, fps: float) -> Floats:
    """Return the first 22 joints in float64."""
    if joints.ndim != 3 or joints.shape[1] < len(PARENTS) or joints.shape[2] != 3:
        raise ShapeError(f"joints: expected (T, {len(PARENTS)}, 3), got {tuple(joints.shape)}")
    if not len(joints) or not np.isfinite(joints).all() or not fps > 0:
        raise DataError(
            f"cannot measure a motion of {len(joints)} frames at fps {fps}: it needs frames, finite joints and fps > 0"
        )
    return joints[:, : len(PARENTS)].astype(np.float64)
