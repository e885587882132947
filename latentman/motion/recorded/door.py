"""The one door through which every recording becomes a motion: all checks and conversions, for all formats alike.

In this order: the arrays are checked, the rate is, rotations become joints of the fitted body, joints that share a
point are set apart, the axis that is up is found, sides are compared, the unit is found, and a rest pose in front is
left out. What was found is logged, and what is doubtful is one warning that names the option.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latentman.config.character import AXES
from latentman.errors import ConfigError, DataError
from latentman.motion import humanml3d
from latentman.motion.plausible.examine import examine
from latentman.motion.plausible.finding import Finding
from latentman.motion.recorded.arrays import positions, rotations
from latentman.motion.recorded.glitches import lead_in
from latentman.motion.recorded.rate import check_rate
from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.resample import resample
from latentman.motion.recorded.settle import settle
from latentman.motion.recorded.shared_points import check_limbs, set_apart
from latentman.motion.recorded.sides import Sides, mirrored, observe
from latentman.motion.recorded.units import TEMPLATE_LEG, leg_length, to_metres, unit_name
from latentman.motion.recorded.upright import Up, find_up, lies_over_zero, y_up
from latentman.motion.skeleton import ANKLES, HIPS, KNEES, forward_kinematics
from latentman.types import Array, Motion

log = logging.getLogger("latentman.motion")

_SMPL_LEG = 0.7775
"""Thigh and shin of SMPL's mean shape, metres: the root's path is scaled by the body's legs over this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asked for: ``motion.file_fps``, ``motion.up``, ``motion.forward`` and ``motion.mirror``.

    ``skip_frames`` None leaves out a rest pose in front, if there is one. ``rest_joints`` gives the fitted body's
    T-pose joints (24, 3) in metres, which files of rotations need.
    """

    file_fps: float | None = None
    up: str = "auto"
    forward: str = "auto"
    mirror: str = "auto"
    skip_frames: int | None = None
    rest_joints: Callable[[], Array] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A recording in the project's world: joints (T, 22, 3) in metres, Y up, at the file's rate.

    Attributes:
        joints: after the ``skipped`` frames at the beginning.
        fps: frames a second.
        recording: what the reader returned.
        skipped: frames that were left out in front.
        up: the axis that was up, and why.
        mirror: what was done to the sides: "none", "axes", "sides" or "image".
        unit: the file's unit.
        yaw: radians, the heading that becomes +Z; None takes that of the first frame.
        floor: height in metres of the floor; None takes a low percentile of the lowest joints.
        apart: names of the joints that shared a point and were set apart.
    """

    joints: Array
    fps: float
    recording: Recording
    skipped: int
    up: Up
    mirror: str
    unit: str
    yaw: float | None = None
    floor: float | None = None
    apart: tuple[str, ...] = ()


def admit(recording: Recording, settings: Settings) -> Clip:
    """Return a recording as joints in the project's world.

    Raises:
        ConfigError: if rotations come without a body, or ``forward`` is along ``up``.
        ShapeError: if an array has another shape or kind than it should.
        DataError: if values are not finite, the rate is not one, or the skeleton makes no sense.
    """
    path = recording.path
    raw = _joints(recording, settings)
    fps = check_rate(
        path, recording.rate, wanted=settings.file_fps, usual=recording.usual_rate, said=recording.rate_stated
    )
    check_limbs(raw, path)
    raw, apart = set_apart(raw)
    up = _find_up(recording, raw, settings.up)
    joints = y_up(raw, up.axis)
    leg = leg_length(joints)
    mirror = _find_mirror(recording, observe(joints), settings.mirror)
    joints = mirrored(joints, mirror)
    if recording.rigged and recording.scale is None:
        joints = joints * (TEMPLATE_LEG / leg)
    elif recording.joints is not None:
        joints = to_metres(joints, str(path), recording.scale)
    skipped = lead_in(joints, fps) if settings.skip_frames is None else settings.skip_frames
    if len(joints) - skipped < 2:
        raise DataError(f"{path}: after the {skipped} skipped frames fewer than two of {len(joints)} are left")
    clip = Clip(
        joints=joints[skipped:],
        fps=fps,
        recording=recording,
        skipped=skipped,
        up=up,
        mirror=mirror,
        unit=unit_name(leg),
        yaw=_yaw(settings.forward, up.axis, mirror),
        floor=0.0 if lies_over_zero(joints, "y") else None,
        apart=apart,
    )
    _report(clip)
    return clip


def to_motion(clip: Clip, fps: float, text: str) -> Motion:
    """Return the motion of a clip at ``fps`` frames a second, on the floor, from x = z = 0, facing +Z.

    A skeleton of the file's own gets the template's bones; other joints keep theirs.

    Raises:
        DataError: if the motion would have too many frames.
    """
    try:
        joints = resample(clip.joints, clip.fps, fps)
    except DataError as error:
        raise DataError(f"{clip.recording.path}: {error}") from error
    if clip.recording.rigged:
        joints = humanml3d.retarget(joints)
    settled = settle(joints, clip.yaw, clip.floor)
    return Motion(np.ascontiguousarray(settled), fps, text, f"clip {clip.recording.path.name}")


def examine_clip(clip: Clip) -> tuple[Finding, ...]:
    """Return what is implausible in a clip: its posture after the bones became the template's, its bones before."""
    joints = humanml3d.retarget(clip.joints) if clip.recording.rigged else clip.joints
    # A rest pose has the file's own proportions, which a scale for the whole of it does not change.
    return examine(joints, clip.fps, bones=clip.joints, rest=clip.recording.rest)


def _joints(recording: Recording, settings: Settings) -> Array:
    """Return the joints (T, 22, 3) of a recording in its own axes, checked."""
    if recording.joints is not None:
        return positions(recording.path, recording.joints)
    if settings.rest_joints is None:
        raise ConfigError(
            f"motion.file={recording.path} holds rotations, which need the bones of a body: run it with body=anny or "
            "body=smpl, or give a file of joints"
        )
    local, root = rotations(recording.path, recording.rotations, recording.root)
    rest = np.asarray(settings.rest_joints(), dtype=np.float64)
    leg = sum(float(np.linalg.norm(rest[b] - rest[a])) for a, b in ((HIPS[0], KNEES[0]), (KNEES[0], ANKLES[0])))
    return forward_kinematics(local, root * (leg / _SMPL_LEG), rest)


def _find_up(recording: Recording, joints: Array, wanted: str) -> Up:
    """Return which axis is up: what the user says, else the file or its rig, else the evidence."""
    if wanted != "auto":
        return Up(wanted, f"motion.up={wanted}")
    if recording.up is not None:
        return Up(recording.up, "the file or its rig states it")
    found = find_up(joints, rest=recording.rest, usual=recording.usual_up)
    if found.doubt is not None:
        log.warning("%s: taken to be %s up (%s): %s", recording.path, found.axis.upper(), found.evidence, found.doubt)
    elif found.axis != recording.usual_up and not (found.axis in ("y", "z") and _turns_its_root(recording)):
        log.warning(
            "%s: the body stands along %s: turned to stand along Y (%s); if that is wrong, set motion.up",
            recording.path,
            found.axis.upper(),
            found.evidence,
        )
    return found


def _turns_its_root(recording: Recording) -> bool:
    """Return whether Y up and Z up are both usual for a recording, as for skeletons and for SMPL's poses."""
    return recording.rigged or recording.joints is None


def _find_mirror(recording: Recording, sides: Sides, wanted: str) -> str:
    """Return what is done to the sides, with a warning if it was not asked for."""
    if sides.feet_disagree and wanted in ("auto", "none"):
        log.warning(
            "%s: the toes point backwards, but the knees bend forwards: the feet are mapped to the wrong joints, or "
            "motion.mirror=axes or sides is needed",
            recording.path,
        )
    if wanted != "auto":
        return wanted
    if not sides.exchanged:
        return "none"
    log.warning(
        "%s: the toes point backwards, so the axes are left-handed, or left and right are exchanged: mirrored as for "
        "left-handed axes (motion.mirror=axes); if the names are exchanged, set motion.mirror=sides; "
        "motion.mirror=none keeps the file's sides",
        recording.path,
    )
    return "axes"


def _yaw(forward: str, up: str, mirror: str) -> float | None:
    """Return the heading that becomes +Z, None for that of the first frame."""
    if forward == "auto":
        return None
    direction = np.zeros(3)
    direction["xyz".index(forward[-1])] = -1.0 if forward.startswith("-") else 1.0
    turned = mirrored(np.tile(y_up(direction, up), (22, 1)), mirror)[0]
    if abs(turned[1]) > 0.5:
        raise ConfigError(
            f"motion.forward={forward} is along the axis that is up, {up}: choose another of {', '.join(AXES)}"
        )
    return float(np.arctan2(turned[0], turned[2]))


def _report(clip: Clip) -> None:
    """Log what was found."""
    recording = clip.recording
    log.info(
        "%s: %s%s up (%s), sides: %s, in %s, %g frames a second, %d frames skipped at the beginning%s",
        recording.path.name,
        f"rig {recording.rig}, " if recording.rig else "",
        clip.up.axis.upper(),
        clip.up.evidence,
        clip.mirror,
        clip.unit,
        clip.fps,
        clip.skipped,
        f"; set apart: {', '.join(clip.apart)}" if clip.apart else "",
    )
