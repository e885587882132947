"""Jumps: crouch, take-off, ballistic flight, and a landing with bent knees."""

from __future__ import annotations

import numpy as np

from latentman.motion.procedural.cue import HALF_STANCE, TOE_AHEAD, Clip, angles, arms, ease, point, posed
from latentman.motion.procedural.footwork import Contact, FootTrack, follow
from latentman.motion.procedural.pose import STAND_HEIGHT, Pose
from latentman.motion.skeleton import SIDES, Floats

GRAVITY = 9.81

STILL = 0.025
"""Seconds after lift-off and before landing in which a foot only rises or sinks."""

LEDGE = 0.45
"""Greatest height in metres of the ledge to jump off; it is lower in a short clip."""

_LEAP = {"forward": (0.0, 0.55), "backward": (0.0, -0.35), "right": (0.45, 0.0), "left": (-0.45, 0.0)}


def jump(clip: Clip) -> Pose:
    """Return jumps on the spot, or leaps in the requested direction; slowly means higher and with longer pauses."""
    count, period = clip.repeats(1.15)
    flight = float(np.clip(0.46 * period, 0.30, 0.54))
    step_x, step_z = _LEAP.get(clip.action.direction or "", (0.0, 0.0))
    pace = min(1.0, period / 0.9) * clip.size
    height, x, z = (np.zeros_like(clip.times) for _ in range(3))
    contacts: tuple[list[Contact], list[Contact]] = ([], [])
    rise, sink, tuck, thrust = (np.zeros_like(clip.times) for _ in range(4))
    since = -1.0
    for k in range(count):
        take_off = k * period + 0.36 * period
        land = take_off + flight
        now = clip.times
        _stand_at(contacts, since, take_off, k * pace * step_x, k * pace * step_z, 0.0)
        since = land
        height += _ballistic(now, take_off, flight)
        travel = np.clip((now - take_off + 0.1) / (flight + 0.2), 0, 1)
        x, z = x + pace * step_x * travel, z + pace * step_z * travel
        begin, end = k * period, (k + 1) * period
        sink += ease(
            now,
            (begin, 0.0),
            (begin + 0.62 * 0.36 * period, 1.0),
            (take_off, -0.12),
            (land, 0.0),
            (land + 0.4 * (end - land), 0.75),
            (end, 0.0),
        )
        rise += ease(
            now, (begin, 0.0), (begin + 0.12 * period, -0.5), (take_off + 0.55 * flight, 1.0), (land, 0.45), (end, 0.0)
        )
        tuck += ease(now, (take_off, 0.0), (take_off + 0.5 * flight, 1.0), (land, 0.0))
        thrust += ease(now, (begin + 0.2 * period, 0.0), (take_off + 0.05, 1.0), (land, 0.1), (land + 0.08, 0.0))
    _stand_at(contacts, since, clip.duration + 1.0, count * pace * step_x, count * pace * step_z, 0.0)
    feet = _airborne(contacts, clip.times, height + 0.10 * tuck)
    crouch = np.maximum(sink, 0.0)
    return posed(
        clip,
        feet,
        pelvis=point(x, STAND_HEIGHT - 0.27 * crouch + 0.02 * thrust + height, z - 0.05 * crouch),
        pitch=0.35 * crouch,
        lean=0.05 + 0.3 * crouch - 0.1 * thrust,
        look=angles(0.0, 0.15 * crouch - 0.1 * thrust),
        heel=np.stack([0.75 * thrust, 0.75 * thrust], axis=-1),
        arms=arms(
            0.1 + 2.3 * np.maximum(rise, 0) - 1.0 * np.maximum(-rise, 0),
            0.18 + 0.25 * np.maximum(rise, 0),
            0.35 + 0.3 * np.abs(rise),
            -0.2 + 0 * rise,
        ),
    )


def jump_off(clip: Clip) -> Pose:
    """Return a leap forward and down from a ledge, landing with deeply bent knees, then rising."""
    pace = min(1.0, clip.duration / 1.4)
    ledge, up = LEDGE * (0.4 + 0.6 * pace), 0.12 * pace
    take_off = max(0.1, 0.154 + 0.44 * (min(clip.duration, 1.6) - 0.7)) + 0.12 * max(clip.duration - 1.6, 0.0)
    flight = float(np.sqrt(2 * up / GRAVITY) + np.sqrt(2 * (up + ledge) / GRAVITY))
    flight = min(flight, 0.62 * clip.duration)
    land, now = take_off + flight, clip.times
    length = 0.55 + 0.3 * pace
    contacts: tuple[list[Contact], list[Contact]] = ([], [])
    _stand_at(contacts, -1.0, take_off, 0.0, 0.0, ledge)
    _stand_at(contacts, land, clip.duration + 1.0, 0.0, length, 0.0)
    u = np.clip((now - take_off) / flight, 0.0, 1.0)
    # A parabola through both floors, with the same fall for pelvis and feet.
    height = ledge * (1 - u) + 0.5 * GRAVITY * flight**2 * u * (1 - u)
    travel = np.clip((now - take_off + 0.12) / (flight + 0.24), 0, 1)
    settle = max(clip.duration, land + 0.5)
    crouch = ease(
        now,
        (take_off - 0.45, 0.0),
        (take_off - 0.16, 0.8),
        (take_off, 0.0),
        (land - 0.04, 0.0),
        (land + 0.2, 1.0),
        (settle, 0.15),
    )
    swing = ease(
        now,
        (take_off - 0.45, 0.0),
        (take_off - 0.16, -0.6),
        (take_off + 0.18, 1.0),
        (land, 0.75),
        (land + 0.22, 0.35),
        (settle, 0.0),
    )
    air = ease(now, (take_off, 0.0), (take_off + 0.45 * flight, 1.0), (land, 0.0))
    thrust = ease(now, (take_off - 0.12, 0.0), (take_off + 0.04, 1.0), (take_off + 0.6 * flight, 0.2), (land, 0.0))
    feet = _falling(contacts, now, height, air, take_off, land)
    up_swing, back_swing = np.maximum(swing, 0.0), np.maximum(-swing, 0.0)
    return posed(
        clip,
        feet,
        pelvis=point(0.0, STAND_HEIGHT - 0.33 * crouch - 0.02 + height, length * travel - 0.06 * crouch),
        pitch=0.4 * crouch,
        lean=0.05 + 0.35 * crouch + 0.15 * air,
        look=angles(0.0, 0.25 * crouch + 0.15 * air),
        heel=np.stack([0.7 * thrust, 0.7 * thrust], axis=-1),
        arms=arms(
            0.1 + 1.3 * up_swing - 1.0 * back_swing,
            0.2 + 0.95 * up_swing,
            0.35 + 0.25 * np.abs(swing),
            0.1 + 0.3 * up_swing,
        ),
    )


def _ballistic(now: Floats, take_off: float, flight: float) -> Floats:
    """Return the height (T,) of a body that takes off at ``take_off`` and lands after ``flight`` seconds."""
    u = now - take_off
    return np.where((u > 0) & (u < flight), 0.5 * GRAVITY * u * (flight - u), 0.0)


def _stand_at(
    contacts: tuple[list[Contact], list[Contact]], start: float, end: float, x: float, z: float, floor: float
) -> None:
    for index, side in enumerate(SIDES):
        contacts[index].append(Contact(start, end, x + side * HALF_STANCE, z + TOE_AHEAD, side * 0.12, floor))


def _airborne(
    contacts: tuple[list[Contact], list[Contact]], times: Floats, height: Floats
) -> tuple[FootTrack, FootTrack]:
    """Return both feet; in flight they are ``height`` above their standing positions."""
    tracks = [follow(foot, times, hold=STILL) for foot in contacts]
    for track in tracks:
        track.toe[:, 1] = np.minimum(track.toe[:, 1], track.toe[:, 1].min()) + height
    return tracks[0], tracks[1]


def _falling(
    contacts: tuple[list[Contact], list[Contact]],
    times: Floats,
    height: Floats,
    air: Floats,
    take_off: float,
    land: float,
) -> tuple[FootTrack, FootTrack]:
    """Return both feet on the way down; the right one trails slightly, so that they differ."""
    tracks = [follow(foot, times, hold=STILL) for foot in contacts]
    for track, lag in zip(tracks, (0.0, 1.0), strict=True):
        low = float(np.min(track.toe[:, 1]))
        track.toe[:, 1] = min(low, 0.015) + height + (0.10 + 0.08 * lag) * air
        track.toe[:, 2] -= 0.15 * lag * air * ((times > take_off + 0.06) & (times < land - 0.06))
    return tracks[0], tracks[1]
