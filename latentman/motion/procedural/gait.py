"""Locomotion: walk, run, sneak, ski. Feet are set down along a path, and the body swings over them.

Cadence and speed follow the biomechanics of adults: a walk of 1.2 m/s at 1.85 steps per second with each foot down for
60 % of the cycle; a run of 2.8 m/s at 2.8 steps per second with a flight phase.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from latentman.motion.procedural.cue import Clip, angles, arm, posed
from latentman.motion.procedural.footwork import Contact, FootTrack, follow, smooth
from latentman.motion.procedural.pose import Pose
from latentman.motion.skeleton import SIDES, Floats, about_y

_FINE = 0.005
_TOE_AHEAD = 0.06
"""Distance in metres of a toe ahead of the pelvis in the middle of its contact."""


@dataclass(frozen=True, slots=True)
class Gait:
    """One gait; lengths in metres, angles in radians, ``speed`` m/s, ``cadence`` steps/s."""

    speed: float
    cadence: float
    stance: float
    height: float
    bob: float
    lean: float
    lift: float
    half_width: float
    sway: float
    hip_turn: float
    arm_swing: float
    arm_base: float
    elbow: float
    push_off: float
    toe_up: float
    toe_out: float = 0.08
    spread: float = 0.12


WALK = Gait(1.2, 1.85, 0.6, 0.95, 0.012, 0.06, 0.02, 0.09, 0.028, 0.12, 0.5, 0.0, 0.45, 0.5, 0.3)
RUN = Gait(2.8, 2.8, 0.42, 0.90, -0.03, 0.2, 0.22, 0.05, 0.01, 0.18, 0.85, 0.05, 1.6, 1.0, 0.05, 0.03, 0.2)
SNEAK = Gait(0.65, 1.4, 0.6, 0.80, -0.02, 0.5, 0.16, 0.10, 0.04, 0.1, 0.3, 0.75, 1.5, 0.7, -0.25, 0.1, 0.25)
SKI = Gait(1.25, 1.7, 0.58, 0.80, -0.04, 0.5, 0.06, 0.20, 0.13, 0.1, 0.0, 0.0, 0.6, 0.6, 0.1, 0.4, 0.25)


@dataclass(frozen=True, slots=True)
class Path:
    """The body's position (x, z in metres) and heading (radians) at any time, including before and after the clip."""

    seconds: Floats
    x: Floats
    z: Floats
    yaw: Floats

    def at(self, times: Floats) -> tuple[Floats, Floats, Floats]:
        """Return x, z and heading at ``times``."""
        return (
            np.interp(times, self.seconds, self.x),
            np.interp(times, self.seconds, self.z),
            np.interp(times, self.seconds, self.yaw),
        )


def make_path(clip: Clip, speed: float) -> Path:
    """Return the path of ``speed`` m/s in the requested direction.

    Left and right refer to the picture: the camera sees the front of the character, so that the right of the picture is
    +X, the character's own left. The body turns in the direction of travel, except backward, which keeps facing +Z. A
    circle has a radius of 1 to 2 m.
    """
    seconds = np.arange(-3.0, clip.duration + 3.0, _FINE)
    zero = np.zeros_like(seconds)
    direction, pace = clip.action.direction, np.full_like(seconds, speed)
    yaw = course = zero
    if direction in ("left", "right"):
        sign = 1.0 if direction == "right" else -1.0
        turning = max(0.45, min(0.7, 0.5 * clip.duration)) / min(clip.rate, 1.0)
        yaw = sign * np.pi / 2 * smooth(seconds / turning)
        course = sign * (np.pi / 2 - 0.7 * (1 - smooth(0.5 + seconds / turning)))
        pace = speed * (0.6 + 0.4 * smooth(seconds / turning))
    elif direction == "backward":
        pace = np.full_like(seconds, -0.7 * speed)
    elif direction == "circle":
        radius = float(np.clip(0.8 * speed, 0.9, 1.8))
        yaw = course = seconds * speed / radius
    x, z = np.cumsum(pace * np.sin(course)) * _FINE, np.cumsum(pace * np.cos(course)) * _FINE
    path = Path(seconds, x, z, yaw)
    x0, z0, _ = path.at(np.zeros(1))
    return replace(path, x=x - x0, z=z - z0)


def walk(clip: Clip) -> Pose:
    """Return a walk."""
    return go(clip, WALK)


def run(clip: Clip) -> Pose:
    """Return a run."""
    return go(clip, RUN)


def sneak(clip: Clip) -> Pose:
    """Return long high steps on the toes, bent forward, hands in front of the chest, looking from side to side."""
    pose = go(clip, SNEAK)
    glance = 0.6 * np.sin(2 * np.pi * (0.6 * clip.times + clip.phase))
    return replace(pose, look=angles(glance, 0.1), shrug=np.full_like(pose.shrug, 0.25))


def ski(clip: Clip) -> Pose:
    """Return skating strides: a low stance, each foot set out to its side, and both arms swinging as with poles.

    Each stride pushes off a standing foot, so no foot slides.
    """
    gait = _scaled(clip, SKI)
    pose = go(clip, SKI)
    beat = 2 * np.pi * (gait.cadence * clip.times + 2 * clip.phase)
    push = np.cos(beat)
    flexion, bend = 0.45 + 0.95 * push, 0.85 + 0.45 * push
    both = arm(flexion, np.full_like(push, 0.3), bend, np.full_like(push, 0.1))
    dip = 0.12 * (1 - push) / 2
    return replace(pose, arms=np.stack([both, both], axis=1), lean=pose.lean + 2 * dip, look=angles(0 * push, -0.05))


def _scaled(clip: Clip, gait: Gait) -> Gait:
    """Return the gait at the requested tempo, which changes both step length and cadence."""
    slow_down = 0.7 if clip.action.direction == "circle" and gait is RUN else 1.0
    cadence = gait.cadence * (clip.rate**0.6 if gait.speed > 1 else clip.rate**0.7)
    return replace(
        gait,
        speed=gait.speed * clip.rate * slow_down,
        cadence=cadence,
        arm_swing=gait.arm_swing * clip.size * clip.rate**0.4,
    )


def go(clip: Clip, base: Gait) -> Pose:
    """Return a body that moves along the path of the clip with this gait."""
    gait = _scaled(clip, base)
    path = make_path(clip, gait.speed)
    cycle = 2.0 / gait.cadence
    feet = tuple(_foot(clip, gait, path, index, cycle) for index in range(2))
    # The cycle of the left leg: it is 0 when the foot lands.
    theta = 2 * np.pi * (clip.times / cycle + clip.phase + gait.stance / 2)
    over = np.sin(theta - np.pi * gait.stance + np.pi / 2)
    x, z, yaw = path.at(clip.times)
    reach = np.cos(theta)
    across = about_y(yaw) @ np.array([1.0, 0.0, 0.0])
    height = gait.height + gait.bob * np.cos(2 * (theta - np.pi * gait.stance))
    tilt = 0.05 * over
    return posed(
        clip,
        (feet[0], feet[1]),
        pelvis=np.stack([x, height, z], axis=-1) + across * (gait.sway * over)[:, None],
        yaw=yaw - gait.hip_turn * reach,
        pitch=np.full_like(yaw, 0.4 * gait.lean),
        roll=tilt,
        lean=np.full_like(yaw, 0.6 * gait.lean),
        side=-tilt,
        twist=2.1 * gait.hip_turn * reach,
        look=angles(gait.hip_turn * reach, 0.0),
        heel=np.stack([_heel(gait, foot, clip.action.direction == "backward") for foot in feet], axis=-1),
        arms=np.stack([_swing_arm(gait, -reach), _swing_arm(gait, reach)], axis=1),
    )


def _foot(clip: Clip, gait: Gait, path: Path, index: int, cycle: float) -> FootTrack:
    """Return a foot set down next to the path once per cycle, where the body passes in mid-contact."""
    first = int(np.floor(-1.5 / cycle)) - 1
    last = int(np.ceil((clip.duration + 1.0) / cycle)) + 1
    contacts = []
    for k in range(first, last):
        middle = (k + 0.5 * index - clip.phase) * cycle
        if not -2.5 < middle < clip.duration + 2.5:
            continue
        x, z, yaw = (float(value[0]) for value in path.at(np.array([middle])))
        offset = about_y(np.asarray(yaw)) @ np.array([SIDES[index] * gait.half_width, 0.0, _TOE_AHEAD])
        span = gait.stance * cycle / 2
        contacts.append(
            Contact(middle - span, middle + span, x + offset[0], z + offset[2], yaw + SIDES[index] * gait.toe_out)
        )
    return follow(contacts, clip.times, lift=gait.lift)


def _heel(gait: Gait, foot: FootTrack, backward: bool) -> Floats:
    """Return the foot's pitch: toe up before landing, flat, heel rising until push-off, hanging during the swing."""
    if backward:
        return 0.35 * (1 - smooth(foot.stance / 0.5)) * (foot.swing == 0) + 0.35 * smooth(foot.swing)
    stance = -gait.toe_up * (1 - smooth(foot.stance / 0.22)) + gait.push_off * smooth((foot.stance - 0.5) / 0.5)
    trail = gait.push_off + 0.35 * np.sin(np.pi * np.clip(foot.swing / 0.5, 0, 1)) * (gait.lift > 0.1)
    swing = trail + (-gait.toe_up - trail) * smooth(foot.swing / 0.8)
    return np.where(foot.swing > 0, swing, stance)


def _swing_arm(gait: Gait, forward: Floats) -> Floats:
    bend = gait.elbow + 0.3 * gait.arm_swing * forward
    zero = np.zeros_like(forward)
    return arm(gait.arm_base + gait.arm_swing * forward - 0.1, zero + gait.spread, bend, zero - 0.35)
