"""The input of every action: the times of the clip, the parsed request, and a small random variation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from latentman.motion.action import Action
from latentman.motion.procedural.footwork import Contact, FootTrack, follow, smooth
from latentman.motion.procedural.pose import STAND_HEIGHT, Pose
from latentman.motion.skeleton import SIDES, Floats, about_y

TEMPO_RATE = {"slowly": 0.65, None: 1.0, "quickly": 1.35}
"""Factor on the speed of a motion, by the tempo in the text."""

HALF_STANCE = 0.105
"""Sideways distance in metres of a standing person's toes from the middle."""

TOE_AHEAD = 0.10
"""Distance in metres of a standing person's toes in front of the pelvis."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A request: ``times`` (T,) in seconds from 0 to ``duration``, and ``rate``, near 1, from the tempo.

    ``size``, near 1, scales amplitudes and ``phase``, 0 to 1, shifts the start of a cycle; both come from the seed.
    """

    times: Floats
    duration: float
    action: Action
    rate: float
    size: float
    phase: float

    def repeats(self, period: float) -> tuple[int, float]:
        """Return how often an action of about ``period`` seconds fits, and the resulting duration of each."""
        count = max(1, round(self.duration * self.rate / period - 0.2))
        return count, self.duration / count


def make_clip(action: Action, *, num_frames: int, fps: float, seed: int) -> Clip:
    """Return the request for ``num_frames`` frames; the same arguments give the same request."""
    rng = np.random.default_rng(seed)
    rate = TEMPO_RATE[action.tempo] * float(rng.uniform(0.96, 1.04))
    size, phase = float(rng.uniform(0.92, 1.08)), float(rng.uniform(0.0, 1.0))
    times = np.arange(num_frames) / fps
    return Clip(times, max((num_frames - 1) / fps, 1.0 / fps), action, rate, size, phase)


def ease(times: Floats, *keys: tuple[float, float]) -> Floats:
    """Return values (T,) that pass through the keys (seconds, value), at rest at each of them."""
    seconds, values = np.array(keys, dtype=float).T
    now = np.clip(np.searchsorted(seconds, times, side="right") - 1, 0, len(seconds) - 2)
    u = smooth((times - seconds[now]) / np.maximum(seconds[now + 1] - seconds[now], 1e-6))
    eased: Floats = values[now] + (values[now + 1] - values[now]) * u
    return eased


def place(
    *, x: float, z: float, yaw: float, side: float, out: float = 0.0, half: float = HALF_STANCE
) -> tuple[float, float, float]:
    """Return x, z and heading of the toe of a foot under a body at (x, z) with heading ``yaw``, toes turned ``out``."""
    offset = about_y(np.asarray(yaw)) @ np.array([side * half, 0.0, TOE_AHEAD])
    return x + float(offset[0]), z + float(offset[2]), yaw + side * out


def planted(
    clip: Clip, *, half: float = HALF_STANCE, out: float = 0.12, stagger: float = 0.0
) -> tuple[FootTrack, FootTrack]:
    """Return two feet that stand still; ``stagger`` puts the left foot forward and the right one back, in metres."""
    tracks = []
    for side in SIDES:
        x, z, yaw = place(x=0.0, z=side * stagger, yaw=0.0, side=side, out=out, half=half)
        tracks.append(follow([Contact(0.0, clip.duration, x, z, yaw)], clip.times))
    return tracks[0], tracks[1]


def posed(clip: Clip, feet: tuple[FootTrack, FootTrack], **changes: Floats) -> Pose:
    """Return a relaxed standing pose on these feet with some of its parameters replaced; breathing is added."""
    zero = np.zeros_like(clip.times)
    breath = 0.5 - 0.5 * np.cos(2 * np.pi * (0.3 * clip.times + clip.phase))
    pose = Pose(
        pelvis=np.stack([zero, zero + STAND_HEIGHT, zero], axis=-1),
        yaw=zero,
        pitch=zero,
        roll=zero,
        lean=0.03 + 0.015 * breath,
        side=zero,
        twist=zero,
        look=np.stack([zero, zero], axis=-1),
        toes=np.stack([foot.toe for foot in feet], axis=1),
        foot_yaw=np.stack([foot.yaw for foot in feet], axis=1),
        heel=np.stack([zero, zero], axis=-1),
        arms=arms(zero + 0.05, zero + 0.14, zero + 0.25, zero - 0.3),
        shrug=np.stack([0.04 * breath] * 2, axis=-1),
    )
    return replace(pose, **changes)


def arms(flexion: Floats, spread: Floats, bend: Floats, twist: Floats) -> Floats:
    """Return arm angles (T, 2, 4), the same for both arms."""
    one = arm(flexion, spread, bend, twist)
    return np.stack([one, one], axis=1)


def arm(flexion: Floats | float, spread: Floats | float, bend: Floats | float, twist: Floats | float) -> Floats:
    """Return the angles (T, 4) of one arm: forward, sideways, elbow bend, outward twist, in radians."""
    return np.stack(np.broadcast_arrays(flexion, spread, bend, twist), axis=-1).astype(float)


def point(x: Floats | float, y: Floats | float, z: Floats | float) -> Floats:
    """Return positions (T, 3) from their parts, of which at least one is an array over time."""
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1).astype(float)


def angles(yaw: Floats | float, pitch: Floats | float) -> Floats:
    """Return where the head looks, (T, 2), from yaw and pitch, of which at least one is an array over time."""
    return np.stack(np.broadcast_arrays(yaw, pitch), axis=-1).astype(float)
