"""The part of a motion that the video shows, at the video's frame rate, and what is shown when the motion is too short.

Time is exact: one second of the motion takes one second of the video. Where ``motion.fps`` is a whole multiple of the
video's ``fps``, frames are taken as they are; elsewhere the source is asked for a rate that is one, or, where it has
only its own, the motion is resampled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from latentman.config.character import SHORT_MOTIONS, MotionConfig
from latentman.errors import ConfigError, DataError, check_choice
from latentman.motion.recorded.resample import MAX_FRAMES, at_frames, whole
from latentman.motion.repeat import repeated
from latentman.motion.skeleton import Floats
from latentman.system.whole_number import whole_number
from latentman.types import Motion

FREE_RATE = ("procedural", "clip")
"""Sources that make any frame rate; learned models have their own."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a source's frames become the video's.

    ``source_fps`` frames a second are asked of the source; ``stride`` of them, which need not be whole, pass from one
    video frame to the next; ``needed`` of them last as long as the video.
    """

    source_fps: float
    stride: float
    needed: int


def pace(cfg: MotionConfig, *, fps: float, num_frames: int) -> Pace:
    """Return how a motion source is sampled for a video of ``num_frames`` at ``fps`` frames a second.

    An explicit ``motion.stride`` shows every stride-th frame of ``motion.fps``, whatever ``fps`` is.

    Raises:
        ConfigError: if the video would need more than :data:`MAX_FRAMES` frames of the source.
    """
    ratio = cfg.fps / fps
    if cfg.stride is not None:
        rate, stride = cfg.fps, float(cfg.stride)
    elif whole(ratio):
        rate, stride = cfg.fps, float(round(ratio))
    elif cfg.name not in FREE_RATE:
        rate, stride = cfg.fps, ratio
    else:
        multiple = math.ceil(ratio)
        rate, stride = float(fps * multiple), float(multiple)
    length = (num_frames - 1) * stride
    if not length < MAX_FRAMES:
        raise ConfigError(
            f"num_frames={num_frames} at fps={fps:g} needs {length:.6g} frames of motion at motion.fps={rate:g}, more "
            f"than the {MAX_FRAMES} that are allowed: raise fps, or lower num_frames, motion.fps or motion.stride"
        )
    return Pace(rate, stride, math.ceil(length - 1e-6) + 1)


def cut(
    motion: Motion,
    *,
    num_frames: int,
    stride: float,
    start: str,
    if_short: str = "error",
    start_fps: float | None = None,
) -> Motion:
    """Return every ``stride``-th frame of a window of the motion, ``num_frames`` in all, at ``fps / stride``.

    Args:
        motion: the whole clip.
        num_frames: frames of the result.
        stride: motion frames per frame of the result, above 0; where it is not whole, joints are interpolated.
        start: the first frame shown, or "auto": the window in which the joints move most, the earliest of equals.
        if_short: what happens when the motion ends before the window does: "error", "hold" (its last pose stays) or
            "loop" (it begins again where it ended).
        start_fps: frames a second in which ``start`` counts; None takes the motion's own.

    Raises:
        ConfigError: if ``start`` is neither "auto" nor a frame number, ``if_short`` is unknown, ``num_frames`` is below
            1 or ``stride`` not above 0.
        DataError: if the motion is too short for such a window and ``if_short`` is "error", or begins after its end.
    """
    if num_frames < 1 or not 0 < stride < math.inf:
        raise ConfigError(f"num_frames={num_frames} must be 1 or more, and motion.stride={stride:g} above 0")
    frame = 0 if start == "auto" else whole_number(start)
    if frame is None:
        raise ConfigError(f"motion.start='{start}' must be auto or a frame number of 0 or more")
    check_choice("motion.if_short", if_short, SHORT_MOTIONS)
    span = math.ceil((num_frames - 1) * stride - 1e-6) + 1
    first = frame * motion.fps / (start_fps or motion.fps)
    have, needed = len(motion.joints), math.ceil(first + (num_frames - 1) * stride - 1e-6) + 1
    if first >= have or (needed > have and if_short == "error"):
        raise DataError(
            f"the motion from {motion.source} has {have} frames, but num_frames={num_frames} at "
            f"motion.stride={stride:g} from motion.start={start} needs {needed}: lower num_frames, motion.stride or "
            "motion.start, raise fps, or set motion.if_short=hold (keep the last pose) or motion.if_short=loop (repeat "
            "the motion)"
        )
    joints = motion.joints if needed <= have else _lengthened(motion.joints, needed, if_short)
    if start == "auto":
        first = float(_liveliest(joints, span))
    shown = at_frames(joints, first + np.arange(num_frames) * stride)
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
