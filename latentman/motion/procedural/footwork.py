"""Foot tracks without sliding: contacts with the floor, and the swings between them.

A foot is described by the time spans in which its toe keeps its position. In such a span the toe may rise and sink, but
it never moves horizontally. It travels only between two spans, and then higher than any standing foot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentman.motion.procedural.pose import TOE_HEIGHT
from latentman.motion.skeleton import Floats

Indices = NDArray[np.intp]

HOLD = 0.06
"""Seconds at both ends of a swing in which the toe only rises or sinks: slightly more than one frame at 20 fps."""

CLEARANCE = 0.065
"""Least height in metres of a travelling toe above its standing height."""

_RISE = 0.11
"""Seconds in which a toe reaches its clearance, decelerating; more than half of it is reached within HOLD."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A time span in which a toe keeps its position (x, z) and heading ``yaw`` on a floor at height ``floor``."""

    start: float
    end: float
    x: float
    z: float
    yaw: float
    floor: float = 0.0


@dataclass(frozen=True, slots=True)
class FootTrack:
    """One foot over T frames.

    ``toe`` (T, 3) metres; ``yaw`` (T,); ``stance`` (T,) increases from 0 to 1 during a contact and is 1 in a swing;
    ``swing`` (T,) increases from 0 to 1 during a swing and is 0 in a contact.
    """

    toe: Floats
    yaw: Floats
    stance: Floats
    swing: Floats


def smooth(u: Floats) -> Floats:
    """Return the quintic ease of ``u`` clipped to 0..1: zero speed and acceleration at both ends."""
    u = np.clip(u, 0.0, 1.0)
    return u * u * u * (u * (6.0 * u - 15.0) + 10.0)


def follow(contacts: Sequence[Contact], times: Floats, *, lift: float = 0.0, hold: float = 0.0) -> FootTrack:
    """Return the track of a foot that stands in each contact in turn and swings in between.

    Args:
        contacts: in order of time, without overlap; the first and last extend to the ends of the clip.
        times: (T,) seconds.
        lift: height in metres of the middle of a swing above the clearance.
        hold: seconds at both ends of a swing without horizontal motion, for quick, long swings.
    """
    start, end, x, z, yaw, floor = (
        np.array([getattr(c, name) for c in contacts]) for name in ("start", "end", "x", "z", "yaw", "floor")
    )
    now = np.clip(np.searchsorted(start, times, side="right") - 1, 0, len(contacts) - 1)
    after = np.minimum(now + 1, len(contacts) - 1)
    gap = np.where(after > now, np.maximum(start[after] - end[now], 1e-6), np.inf)
    swing = np.clip((times - end[now]) / gap, 0.0, 1.0)
    ease = smooth((times - end[now] - hold) / np.maximum(gap - 2 * hold, 1e-6))
    toe = np.stack([_mix(x, now, after, ease), _mix(floor, now, after, ease), _mix(z, now, after, ease)], axis=-1)
    since_end = np.where(after > now, times - (end[now] - HOLD), -1.0)
    until_start = np.where(after > now, start[after] + HOLD - times, -1.0)
    # A contact after a swing starts with sinking: those frames belong to the swing before it.
    sinking = np.where(now > 0, start[now] + HOLD - times, -1.0)
    aloft = np.maximum(np.minimum(since_end, until_start), np.where(swing > 0, -1.0, sinking))
    toe[:, 1] += TOE_HEIGHT + CLEARANCE * _rise(aloft) + lift * np.sin(np.pi * smooth(swing)) ** 2
    stance = np.where(swing > 0, 1.0, np.clip((times - start[now]) / np.maximum(end[now] - start[now], 1e-6), 0.0, 1.0))
    return FootTrack(toe, _mix(yaw, now, after, ease), stance, swing)


def _mix(values: Floats, now: Indices, after: Indices, ease: Floats) -> Floats:
    mixed: Floats = values[now] + (values[after] - values[now]) * ease
    return mixed


def _rise(seconds: Floats) -> Floats:
    """Return the reached share (0..1) of the clearance at a given time after lift-off or before landing."""
    u = np.clip(seconds / _RISE, 0.0, 1.0)
    return 1.0 - (1.0 - u) ** 2
