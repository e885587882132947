"""The part of a motion that the video shows, and the handling of motions that are too short for the video."""

from __future__ import annotations

import numpy as np

from latentman.config.character import SHORT_MOTIONS
from latentman.errors import ConfigError, DataError, check_choice
from latentman.motion.repeat import repeated
from latentman.motion.skeleton import Floats
from latentman.types import Motion


def cut(motion: Motion, *, num_frames: int, stride: int, start: str, if_short: str = "error") -> Motion:
    """Return every ``stride``-th frame of a window of the motion, ``num_frames`` in total, at ``fps / stride``.

    Args:
        motion: the whole clip.
        num_frames: frames of the result.
        stride: motion frames per frame of the result.
        start: the first frame shown, or "auto": the window in which the joints move most; among equals, the earliest.
        if_short: handling of a motion that is too short: "error", "hold" (keep the last pose) or "loop" (repeat the
            motion from where it ended).

    Raises:
        ConfigError: if ``start`` is neither "auto" nor a frame number, ``if_short`` is unknown, or a count is below 1.
        DataError: if the motion is too short for such a window and ``if_short`` is "error", or if the window starts
            after its end.
    """
    if num_frames < 1 or stride < 1:
        raise ConfigError(f"num_frames={num_frames}, motion.stride={stride}: both must be 1 or more")
    if start != "auto" and not start.isdigit():
        raise ConfigError(f"motion.start='{start}' must be auto or a frame number of 0 or more")
    check_choice("motion.if_short", if_short, SHORT_MOTIONS)
    span = (num_frames - 1) * stride + 1
    first = 0 if start == "auto" else int(start)
    have, needed = len(motion.joints), first + span
    if first >= have or (needed > have and if_short == "error"):
        raise DataError(
            f"the motion from {motion.source} has {have} frames, but num_frames={num_frames} at "
            f"motion.stride={stride} from motion.start={start} needs {needed}: lower num_frames, motion.stride or "
            "motion.start, or set motion.if_short=hold (keep the last pose) or motion.if_short=loop (repeat the "
            "motion)"
        )
    joints = motion.joints if needed <= have else _lengthened(motion.joints, needed, if_short)
    if start == "auto":
        first = _liveliest(joints, span)
    shown = joints[first : first + span : stride]
    return Motion(np.ascontiguousarray(shown), motion.fps / stride, motion.text, motion.source)


def _lengthened(joints: Floats, num_frames: int, if_short: str) -> Floats:
    """Return joints with further frames: the last pose again, or the clip again."""
    if if_short == "loop":
        return repeated(joints, num_frames)
    return np.concatenate([joints, np.repeat(joints[-1:], num_frames - len(joints), axis=0)])


def _liveliest(joints: Floats, span: int) -> int:
    """Return the start of the window of ``span`` frames in which the joints travel furthest, the earliest if equal."""
    travelled = np.linalg.norm(np.diff(joints, axis=0), axis=-1).sum(axis=-1)
    total = np.concatenate([[0.0], np.cumsum(travelled)])
    within = total[span - 1 :] - total[: len(total) - span + 1]
    # Rounding differences must not move the window away from the start.
    return int(np.argmax(within >= within.max() - 1e-9))
