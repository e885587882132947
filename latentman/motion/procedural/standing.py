"""Actions on the spot: stand, look around, wave, bow, squat, punch, kick, turn around, warm up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from latentman.motion.procedural.cue import Clip, angles, arm, arms, ease, place, planted, point, posed
from latentman.motion.procedural.footwork import Contact, FootTrack, follow, smooth
from latentman.motion.procedural.pose import STAND_HEIGHT, TOE_HEIGHT, Pose
from latentman.motion.skeleton import SIDES, Floats


def stand(clip: Clip) -> Pose:
    """Return relaxed standing: the weight shifts from leg to leg and the head follows."""
    beat = 2 * np.pi * (0.35 * clip.rate * clip.times + clip.phase)
    shift = 0.035 * clip.size * np.sin(beat)
    tilt = 0.9 * shift
    return posed(
        clip,
        planted(clip),
        pelvis=point(shift, STAND_HEIGHT - 0.01 - 0.1 * np.abs(shift), 0.01),
        roll=tilt,
        side=-1.3 * tilt,
        look=angles(0.25 * np.sin(beat + 0.6), 0.03),
    )


def look_around(clip: Clip) -> Pose:
    """Return standing with head and trunk turning from side to side, which is used for unknown verbs."""
    _, period = clip.repeats(2.6)
    glance = np.sin(2 * np.pi * clip.times / max(period, 1.4))
    pose = stand(clip)
    return replace(pose, twist=0.35 * glance, look=angles(0.95 * glance, -0.03 + 0 * glance))


def wave(clip: Clip) -> Pose:
    """Return a raised, waving hand; the right one if the text names none."""
    up = ease(clip.times, (-0.12, 0.0), (min(0.35, 0.4 * clip.duration), 1.0))
    wag = np.sin(2 * np.pi * 1.9 * clip.rate * (clip.times - 0.15)) * up
    rest = arm(0.05, 0.14, 0.25, -0.3 + 0 * up)
    high = arm(0.25 + 0 * up, 1.8 + 0.1 * wag, 1.25 + 0.5 * clip.size * wag, 1.35 + 0 * up)
    lifted = rest + (high - rest) * up[:, None]
    resting = rest + arm(0.05 * wag, 0.02 * wag, 0.1 * up, 0 * up)
    left = lifted if clip.action.limb in ("left", "both") else resting
    right = resting if clip.action.limb == "left" else lifted
    lean = {"left": -1.0, "both": 0.0}.get(clip.action.limb or "right", 1.0)
    return replace(
        stand(clip),
        arms=np.stack([left, right], axis=1),
        side=-lean * (0.08 * up + 0.03 * wag),
        look=angles(-0.15 * lean * up, -0.05),
    )


def bow(clip: Clip) -> Pose:
    """Return a deep bow from the hips, the right hand at the belly, and up again."""
    count, period = clip.repeats(2.2)
    down = _repeat(clip, count, period, (0.0, 0.0), (0.4, 1.0), (0.62, 1.0), (1.0, 0.0))
    left = arm(0.05 + 0.95 * down, 0.14 + 0.05 * down, 0.25 + 0 * down, -0.3 + 0 * down)
    right = arm(0.05 + 0.35 * down, 0.14 + 0.1 * down, 0.25 + 1.6 * down, -0.3 - 0.9 * down)
    return posed(
        clip,
        planted(clip),
        pelvis=point(0.0, STAND_HEIGHT - 0.03 * down, -0.13 * down),
        pitch=0.75 * clip.size * down,
        lean=0.03 + 0.55 * clip.size * down,
        look=angles(0.0, 1.0 * down),
        arms=np.stack([left, right], axis=1),
    )


def squat(clip: Clip) -> Pose:
    """Return knee bends: hips back and down, arms forward for balance."""
    count, period = clip.repeats(1.5)
    down = _repeat(clip, count, period, (0.0, 0.0), (0.45, 1.0), (0.6, 1.0), (1.0, 0.0))
    return posed(
        clip,
        planted(clip, half=0.17, out=0.35),
        pelvis=point(0.0, STAND_HEIGHT - 0.03 - 0.4 * min(clip.size, 1.0) * down, -0.13 * down),
        pitch=0.45 * down,
        lean=0.03 + 0.25 * down,
        look=angles(0.0, 0.05 * down),
        arms=arms(0.05 + 2.0 * down, 0.14 + 0 * down, 0.3 - 0.15 * down, -0.3 + 0 * down),
    )


def punch(clip: Clip) -> Pose:
    """Return a fighting stance with straight punches from alternate hands, the trunk turning into each."""
    count, period = clip.repeats(0.38)
    turn = int(clip.action.limb == "right")
    reach = [np.zeros_like(clip.times), np.zeros_like(clip.times)]
    for k in range(count):
        index = turn if clip.action.limb in ("left", "right") else k % 2
        hit = ease(clip.times - k * period, (0.0, 0.0), (0.42 * period, 1.0), (0.55 * period, 1.0), (period, 0.0))
        reach[index] = np.maximum(reach[index], hit)
    hands = [arm(0.5 + 1.1 * r, 0.3 + 0.2 * r, 2.3 - 2.15 * r, -0.35 - 0.25 * r) for r in reach]
    twist = 0.45 * clip.size * (reach[1] - reach[0]) - 0.05
    drive = reach[0] + reach[1]
    bounce = 0.012 * np.cos(2 * np.pi * clip.times / period)
    return posed(
        clip,
        planted(clip, half=0.16, out=0.3, stagger=0.2),
        pelvis=point(0.0, STAND_HEIGHT - 0.09 + bounce, 0.05 * drive),
        yaw=0.22 * (reach[1] - reach[0]) - 0.1,
        pitch=np.full_like(twist, 0.08),
        lean=0.12 + 0.08 * drive,
        twist=twist,
        look=angles(0.1 - 0.22 * (reach[1] - reach[0]), 0.05),
        arms=np.stack(hands, axis=1),
        shrug=np.stack([0.15 + 0.1 * r for r in reach], axis=-1),
    )


def kick(clip: Clip) -> Pose:
    """Return front kicks: the knee rises, the foot shoots out to the height of the hip, and returns to its place."""
    count, period = clip.repeats(1.15)
    planted_feet = planted(clip, half=0.09)
    toes = [foot.toe.copy() for foot in planted_feet]
    heels = [np.zeros_like(clip.times), np.zeros_like(clip.times)]
    sway, back = np.zeros_like(clip.times), np.zeros_like(clip.times)
    first = 0 if clip.action.limb == "left" else 1
    for k in range(count):
        index = first if clip.action.limb else (first + k) % 2
        now = (clip.times - k * period) / period
        knee = ease(now, (0.10, 0.0), (0.38, 1.0), (0.55, 1.0), (0.88, 0.0))
        out = ease(now, (0.2, 0.0), (0.47, 1.0), (0.55, 1.0), (0.76, 0.0))
        toes[index][:, 1] += 0.5 * knee + 0.48 * clip.size * out
        toes[index][:, 2] += (
            0.12 * knee * (1 - out) + 0.72 * out - 0.1 * np.sin(np.pi * np.clip((now - 0.2) / 0.2, 0, 1))
        )
        heels[index] += 0.35 * knee - 0.2 * out
        sway -= 0.07 * SIDES[index] * ease(now, (0.0, 0.0), (0.2, 1.0), (0.82, 1.0), (1.0, 0.0))
        back += out
    toes = [_pin_low(toe) for toe in toes]
    feet = tuple(replace(foot, toe=toe) for foot, toe in zip(planted_feet, toes, strict=True))
    guard = arms(0.45 - 0.2 * back, 0.3 + 0.2 * back, 1.9 - 0.5 * back, -0.2 + 0 * back)
    return posed(
        clip,
        (feet[0], feet[1]),
        pelvis=point(sway, STAND_HEIGHT - 0.03 - 0.01 * back, 0.04 * back - 0.02),
        pitch=-0.3 * back,
        lean=0.05 - 0.05 * back,
        side=-0.8 * sway,
        look=angles(0.0, 0.08 * back),
        heel=np.stack(heels, axis=-1),
        arms=guard,
    )


def turn_around(clip: Clip) -> Pose:
    """Return a half turn in small steps, to the left of the picture if the text says so; it ends facing -Z."""
    sign = -1.0 if clip.action.direction == "left" else 1.0
    length = min(0.85 * clip.duration, 2.0 / clip.rate)
    begin = 0.06 * clip.duration
    steps = 2 if length < 0.9 else 3 if length < 1.5 else 4
    yaw = sign * np.pi * ease(clip.times, (begin, 0.0), (begin + length, 1.0))
    feet = _turning_feet(clip, sign, begin, length, steps)
    shift = 0.03 * np.sin(np.pi * steps * np.clip((clip.times - begin) / length, 0, 1))
    lead = sign * 0.5 * np.sin(np.pi * np.clip((clip.times - 0.5 * begin) / length, 0, 1)) ** 2
    swing = np.abs(lead)
    return posed(
        clip,
        feet,
        pelvis=point(shift * np.cos(yaw), STAND_HEIGHT - 0.02 - 0.02 * swing, -shift * np.sin(yaw)),
        yaw=yaw,
        twist=0.7 * lead,
        look=angles(1.2 * lead, 0.0),
        arms=arms(0.05 + 0.1 * swing, 0.14 + 0.5 * swing, 0.25 + 0.6 * swing, -0.3 + 0 * swing),
    )


def _turning_feet(clip: Clip, sign: float, begin: float, length: float, steps: int) -> tuple[FootTrack, FootTrack]:
    """Return feet that step alternately around a centre; the inner foot goes first."""
    contacts: list[list[Contact]] = [[], []]
    for index, side in enumerate(SIDES):
        inner = side == sign
        moves = [m for m in range(steps) if (m % 2 == 0) == inner]
        since, facing = 0.0, 0.0
        for m in moves:
            start, end = begin + length * m / steps, begin + length * (m + 1) / steps
            x, z, yaw = place(x=0.0, z=0.0, yaw=facing, side=side, out=0.12)
            contacts[index].append(Contact(since, start, x, z, yaw))
            since, facing = end, sign * np.pi * min(1.0, (m + 1.5) / steps)
            facing = sign * np.pi if m == moves[-1] else facing
        x, z, yaw = place(x=0.0, z=0.0, yaw=facing, side=side, out=0.12)
        contacts[index].append(Contact(since, clip.duration + 1.0, x, z, yaw))
    return follow(contacts[0], clip.times), follow(contacts[1], clip.times)


def warm_up(clip: Clip) -> Pose:
    """Return jumping jacks: feet hop apart and together while the arms swing overhead and down."""
    count, period = clip.repeats(0.95)
    feet = []
    for side in SIDES:
        contacts = [Contact(-1.0, 0.1 * period, side * 0.09, 0.1, side * 0.15)]
        for k in range(count):
            begin = k * period
            contacts.append(Contact(begin + 0.4 * period, begin + 0.6 * period, side * 0.3, 0.1, side * 0.3))
            contacts.append(Contact(begin + 0.9 * period, begin + 1.1 * period, side * 0.09, 0.1, side * 0.15))
        feet.append(follow(contacts, clip.times))
    phase = 2 * np.pi * clip.times / period
    wide = 0.5 - 0.5 * np.cos(phase)
    hop = np.maximum(0.0, -np.cos(2 * phase))
    dip = np.maximum(0.0, np.cos(2 * phase))
    return posed(
        clip,
        (feet[0], feet[1]),
        pelvis=point(0.0, STAND_HEIGHT - 0.05 - 0.03 * wide + 0.09 * hop - 0.04 * dip, 0.0),
        heel=np.stack([0.7 * hop + 0.15] * 2, axis=-1),
        arms=arms(
            0.1 + 0 * wide, 0.15 + 2.65 * smooth(wide) * min(1.0, clip.size), 0.25 + 0.2 * wide, 0.2 + 0.6 * wide
        ),
    )


def _repeat(clip: Clip, count: int, period: float, *keys: tuple[float, float]) -> Floats:
    """Return the eased keys, whose times are shares of a period, repeated ``count`` times."""
    phase = np.minimum(clip.times / period, count) % 1.0
    phase = np.where(clip.times >= count * period - 1e-9, 1.0, phase)
    return ease(phase, *keys)


def _pin_low(toe: Floats) -> Floats:
    """Return the toe's track, fixed in place in and next to frames in which it is near the floor."""
    high = toe[:, 1] > TOE_HEIGHT + 0.04
    near = ~(high & np.roll(high, 1) & np.roll(high, -1))
    near[0] = near[-1] = True
    pinned = toe.copy()
    pinned[near, 0], pinned[near, 2] = toe[0, 0], toe[0, 2]
    return pinned
