"""How a motion moves: turns and speeds from frame to frame, and the floor."""

from __future__ import annotations

import numpy as np

from latentman.motion.plausible.finding import Finding, after_first, angle, finding, turned, where
from latentman.motion.plausible.posture import PIECES, piece_rotations
from latentman.motion.recorded.rigs import JOINT_NAMES
from latentman.motion.recorded.settle import floor_height
from latentman.motion.rotations import unit
from latentman.motion.skeleton import PARENTS, PELVIS, Floats

TURN_SPEED = 2400.0
"""Degrees a second at which chest or pelvis turn; a salsa spin reaches 1870."""

FLIP = 150.0
"""Degrees that a bone turns from one frame to the next."""

FLIP_RATE = 15.0
"""Frames a second below which a bone may turn by any angle between two frames."""

JOINT_SPEED = 25.0
"""Metres a second that no hand or foot of an amateur reaches."""

ROOT_SPEED = 13.0
"""Metres a second: the fastest sprint."""

SINKING = 0.2
"""Metres below the floor; recorded clips reach 0.11."""

ALOFT = 0.12
AIRBORNE = 1.6
"""Seconds without a break that no joint is within 12 cm of the floor; no jump lasts as long."""


def turning(joints: Floats, fps: float) -> Finding | None:
    """Look for a torso that spins."""
    speeds = {}
    for piece in PIECES:
        rotations = piece_rotations(joints, piece)
        speeds[piece] = turned(rotations[:-1], rotations[1:]) * fps
    piece = max(speeds, key=lambda name: float(speeds[name].max()))
    what = f"the {piece} turns at up to {speeds[piece].max():.0f} degrees a second"
    advice = "cut the file there, or check its rate (motion.file_fps) and its joints (motion.rig)"
    return finding(what, after_first(speeds[piece] > TURN_SPEED), advice)


def flips(joints: Floats, fps: float) -> Finding | None:
    """Look for bones that turn round from one frame to the next, where frames are close enough to tell."""
    if fps < FLIP_RATE:
        return None
    bones = unit(joints[:, 1:] - joints[:, list(PARENTS[1:])])
    degrees = angle(bones[:-1], bones[1:])
    bone = int(np.argmax(degrees.max(axis=0)))
    what = f"the bone to {JOINT_NAMES[bone + 1]} turns by {degrees[:, bone].max():.0f} degrees in one frame"
    return finding(what, after_first(degrees[:, bone] > FLIP), "the tracking failed there: cut or smooth the file")


def speed(joints: Floats, fps: float) -> Finding | None:
    """Look for joints that move faster than people do."""
    speeds = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * fps
    fastest = int(np.argmax(speeds.max(axis=0)))
    advice = "the rate is too high, or the tracking jumps: set motion.file_fps, or cut the file"
    for joint, limit in ((PELVIS, ROOT_SPEED), (fastest, JOINT_SPEED)):
        what = f"the joint {JOINT_NAMES[joint]} moves at up to {speeds[:, joint].max():.0f} m/s"
        found = finding(what, after_first(speeds[:, joint] > limit), advice)
        if found is not None:
            return found
    return None


def floor(joints: Floats, fps: float) -> Finding | None:
    """Look for a body that sinks into the floor, or leaves it for longer than a jump lasts."""
    height = joints[..., 1].min(axis=1) - floor_height(joints)
    what = f"the body sinks up to {-height.min():.2f} m below the floor"
    advice = "the clip has no level floor, or another axis is up: set motion.up, or cut the file"
    sunk = finding(what, height < -SINKING, advice)
    if sunk is not None:
        return sunk
    aloft = [(a, b) for a, b in where(height > ALOFT) if (b - a - 1) / fps > AIRBORNE]
    if not aloft:
        return None
    longest = max(b - a - 1 for a, b in aloft) / fps
    advice = (
        "the clip has no level floor (stairs, climbing), or its rate is wrong: set motion.file_fps, or cut the file"
    )
    return Finding(f"no joint is near the floor for {longest:.1f} s", tuple(aloft), advice)
