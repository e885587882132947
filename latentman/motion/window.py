"""The part of a motion that the video shows."""

from __future__ import annotations

import numpy as np

from latentman.errors import ConfigError, DataError
from latentman.motion.skeleton import Floats
from latentman.types import Motion


def cut(motion: Motion, *, num_frames: int, stride: int, start: str) -> Motion:
    """Return every ``stride``-th frame of a window of the motion, ``num_frames`` in all, at ``fps / stride``.

    Args:
        motion: the whole clip.
        num_frames: frames of the result.
        stride: motion frames per frame of the result.
        start: the first frame shown, or "auto": the window in which the joints move most, the earliest of equals.

    Raises:
        ConfigError: if ``start`` is neither "auto" nor a frame number, or a count is below 1.
        DataError: if the motion is too short for such a window.
    """
    if num_frames < 1 or stride < 1:
        raise ConfigError(f"num_frames={num_frames}, motion.stride={stride}: both must be 1 or more")
    if start != "auto" and not start.isdigit():
        raise ConfigError(f"motion.start='{start}' must be auto or a frame number of 0 or more")
    have, span = len(motion.joints), (num_frames - 1) * stride + 1
    first = 0 if start == "auto" else int(start)
    if first + span > have:
        raise DataError(
            f"the motion from {motion.source} has {have} frames, but num_frames={num_frames} at motion.stride={stride} "
            f"from motion.start={start} needs {first + span}: lower num_frames, motion.stride or motion.start"
        )
    if start == "auto":
        first = _liveliest(motion.joints, span)
    joints = motion.joints[first : first + span : stride]
    return Motion(np.ascontiguousarray(joints), motion.fps / stride, motion.text, motion.source)


def _liveliest(joints: Floats, span: int) -> int:
    """Return where the window of ``span`` frames begins in which the joints travel furthest, the earliest of equals."""
    travelled = np.linalg.norm(np.diff(joints, axis=0), axis=-1).sum(axis=-1)
    total = np.concatenate([[0.0], np.cumsum(travelled)])
    within = total[span - 1 :] - total[: len(total) - span + 1]
    # Differences of rounding are no reason to leave the beginning.
    return int(np.argmax(within >= within.max() - 1e-9))
