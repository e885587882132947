"""Dances: a groove with side steps, a jumpy dance, a shimmy, and the waltz."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from latentman.motion.procedural.cue import Clip, angles, arm, place, point, posed
from latentman.motion.procedural.footwork import Contact, FootTrack, follow, smooth
from latentman.motion.procedural.pose import STAND_HEIGHT, Pose
from latentman.motion.skeleton import SIDES, Floats

Integers = NDArray[np.int64]

_SIDE_STEP = 0.13
"""Metres from the middle to a foot after a side step."""

_LEAD = 3
"""Number of planned beats before the first beat of a waltz."""


def dance(clip: Clip) -> Pose:
    """Return a dance in the style named in the text: groove, jumpy or shimmy."""
    return _DANCES[clip.action.style or "groove"](clip)


def groove(clip: Clip) -> Pose:
    """Return side steps on the beat; hips and shoulders swing in opposition, and the arms are raised alternately."""
    beat = _beat(clip, 2.1)
    sway = np.sin(np.pi * beat)
    dip = 0.5 + 0.5 * np.cos(2 * np.pi * beat)
    figure = smooth(0.5 + 1.2 * np.sin(np.pi * beat / 4 + 0.5))
    tilt = 0.16 * clip.size * sway
    pump = [_pump(sway * side, dip, figure) for side in SIDES]
    return posed(
        clip,
        _side_steps(clip, beat),
        pelvis=point(0.13 * sway, STAND_HEIGHT - 0.055 - 0.05 * dip, -0.01),
        yaw=0.22 * np.sin(np.pi * beat + 0.5),
        pitch=np.full_like(sway, 0.05),
        roll=tilt,
        side=-2.0 * tilt,
        lean=0.05 + 0.08 * dip,
        twist=-0.5 * np.sin(np.pi * beat + 0.5),
        look=angles(0.35 * sway, 0.12 * dip),
        arms=np.stack(pump, axis=1),
        shrug=np.stack([0.1 + 0.12 * sway, 0.1 - 0.12 * sway], axis=-1),
    )


def shimmy(clip: Clip) -> Pose:
    """Return fast shaking shoulders over slow hips, with the arms held out to the sides."""
    pose = groove(clip)
    beat = _beat(clip, 2.1)
    shake = np.sin(2 * np.pi * 1.75 * beat)
    sway = np.sin(np.pi * beat)
    out = [
        arm(0.25 + 0.1 * shake * side, 1.15 + 0.12 * sway * side, 0.7 + 0 * sway, 0.5 + 0.2 * sway) for side in SIDES
    ]
    shrug = np.stack([0.1 + 0.1 * shake, 0.1 - 0.1 * shake], axis=-1)
    return replace(pose, twist=0.35 * shake, arms=np.stack(out, axis=1), shrug=shrug, lean=0.02 + 0 * sway)


def jumpy(clip: Clip) -> Pose:
    """Return springy hops from foot to foot with a kicked-up heel and raised arms."""
    beat = _beat(clip, 2.0)
    period = 1.0 / (2.0 * clip.rate)
    feet = []
    for index, side in enumerate(SIDES):
        contacts = []
        for k in range(-3, int(beat[-1]) + 4):
            if k % 2 != index:
                continue
            middle = (k - _offset(clip)) * period
            contacts.append(Contact(middle - 0.42 * period, middle + 0.42 * period, side * 0.1, 0.1, side * 0.2))
        feet.append(follow(contacts, clip.times, lift=0.16))
    over = np.cos(np.pi * beat)
    bounce = np.cos(2 * np.pi * beat)
    throw = 0.5 - 0.5 * bounce
    high = [
        arm(0.35 + 0.2 * over * side, 1.35 + 0.9 * throw + 0.3 * over * side, 0.75 - 0.45 * throw, 0.9 + 0 * over)
        for side in SIDES
    ]
    return posed(
        clip,
        (feet[0], feet[1]),
        pelvis=point(0.06 * over, STAND_HEIGHT - 0.05 - 0.055 * bounce, 0.0),
        yaw=0.3 * over,
        roll=0.1 * over,
        side=-0.25 * over,
        twist=-0.4 * over,
        look=angles(0.25 * over, -0.08 - 0.05 * bounce),
        heel=np.stack([0.55 * (foot.swing > 0) * np.sin(np.pi * foot.swing) for foot in feet], axis=-1) + 0.12,
        arms=np.stack(high, axis=1),
    )


def waltz(clip: Clip) -> Pose:
    """Return a turning box step in three-four time, rising and falling, with the arms held around a partner."""
    per_beat = 0.44 / clip.rate
    beats = clip.times / per_beat + 3.0 * np.floor(2 * clip.phase)
    numbers = np.arange(int(beats[0]) - _LEAD, int(beats[-1]) + 6)
    travel, facing = _box(numbers)
    seconds = (numbers - beats[0]) * per_beat
    tracks = [_waltz_foot(clip, index, numbers, seconds, travel, facing) for index in range(2)]
    x, z, yaw = (_glide(beats, numbers, values) for values in (travel[:, 0], travel[:, 1], facing))
    rise = 0.5 - 0.5 * np.cos(2 * np.pi * (beats / 3 - 0.12))
    sway = 0.08 * np.sin(2 * np.pi * beats / 3)
    zero = np.zeros_like(rise)
    left = arm(0.35 + zero, 1.35 + 0.05 * rise, 0.55 + zero, 0.75 + zero)
    right = arm(0.75 + zero, 0.85 + 0.05 * rise, 1.3 + zero, -0.35 + zero)
    return posed(
        clip,
        (tracks[0], tracks[1]),
        pelvis=point(x, STAND_HEIGHT - 0.06 + 0.05 * rise, z),
        yaw=yaw,
        lean=-0.06 + zero,
        side=sway,
        look=angles(0.3 + zero, -0.08 + zero),
        heel=np.stack([0.35 * rise, 0.35 * rise], axis=-1),
        arms=np.stack([left, right], axis=1),
    )


def _box(numbers: Integers) -> tuple[Floats, Floats]:
    """Return position (n, 2) and heading (n,) at each beat: forward, side, close; back, side, close, turning."""
    local = np.array([[0.0, 0.24], [0.2, 0.0], [0.0, 0.0], [0.0, -0.24], [-0.2, 0.0], [0.0, 0.0]])
    turn = np.array([0.5, 0.7, 0.35, 0.5, 0.7, 0.35])
    facing = np.cumsum(turn[numbers % 6])
    facing = facing - facing[_LEAD]
    step = local[numbers % 6]
    cos, sin = np.cos(facing), np.sin(facing)
    world = np.stack([cos * step[:, 0] + sin * step[:, 1], -sin * step[:, 0] + cos * step[:, 1]], axis=-1)
    where = np.cumsum(world, axis=0)
    return where - where[_LEAD], facing


def _waltz_foot(
    clip: Clip, index: int, numbers: Integers, seconds: Floats, travel: Floats, facing: Floats
) -> FootTrack:
    """Return one foot of the box step: the feet step alternately, and each stands until its next step."""
    rows = np.flatnonzero(numbers % 2 == index)
    contacts = []
    for row, later in pairwise(rows):
        x, z, yaw = place(x=travel[row, 0], z=travel[row, 1], yaw=facing[row], side=SIDES[index], out=0.1)
        contacts.append(Contact(seconds[row] - 0.02, seconds[later - 1] + 0.06, x, z, yaw))
    return follow(contacts, clip.times)


def _glide(beats: Floats, numbers: Integers, values: Floats) -> Floats:
    """Return values at fractional beats, smoothed at the corners so that the body never stops."""
    near = [np.interp(beats + shift, numbers, values) for shift in (-0.4, -0.2, 0.0, 0.2, 0.4)]
    mean: Floats = np.mean(near, axis=0)
    return mean


def _offset(clip: Clip) -> float:
    return 2.0 * clip.phase


def _beat(clip: Clip, per_second: float) -> Floats:
    """Return the beat count over time; a whole number falls on a beat."""
    return clip.times * per_second * clip.rate + _offset(clip)


def _side_steps(clip: Clip, beat: Floats) -> tuple[FootTrack, FootTrack]:
    """Return feet that step out and in on alternate beats: the free foot taps while the other bears the weight."""
    period = clip.duration / max(float(beat[-1] - beat[0]), 1e-6) if len(beat) > 1 else 1.0
    tracks = []
    for index, side in enumerate(SIDES):
        contacts = []
        for k in range(-4, int(beat[-1]) + 5):
            # The weight is on the left (+X) at beats 0.5, 2.5, ...: the left foot comes down just before.
            landing = 2 * k + (0.15 if index == 0 else 1.15)
            start, end = (landing - beat[0]) * period, (landing + 1.25 - beat[0]) * period
            wide = _SIDE_STEP + (0.06 if k % 2 else 0.0)
            contacts.append(Contact(start, end, side * wide, 0.1 + (0.05 if k % 2 else -0.02), side * 0.25))
        tracks.append(follow(contacts, clip.times, lift=0.03))
    return tracks[0], tracks[1]


def _pump(up: Floats, dip: Floats, figure: Floats) -> Floats:
    """Return one arm, raised where ``up`` is 1 and bent at the waist where it is -1; ``figure`` blends two variants."""
    high = 0.5 + 0.5 * up
    over = arm(0.25 + 2.2 * high, 0.55 - 0.1 * high, 1.9 - 1.1 * high - 0.2 * dip, -0.5 + 0.7 * high)
    wide = arm(0.2 + 0.2 * high, 0.5 + 1.6 * high, 1.7 - 1.0 * high, 0.3 + 0.8 * high)
    mixed: Floats = over + (wide - over) * figure[:, None]
    return mixed


_DANCES = {"groove": groove, "jumpy": jumpy, "shimmy": shimmy}
