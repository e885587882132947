"""A BVH file as joints in the project's world: rig, axes, unit and the rest pose in front, all made out here."""

from __future__ import annotations

import logging
from pathlib import Path

from latentman.errors import DataError
from latentman.motion.recorded.bvh import read_bvh
from latentman.motion.recorded.glitches import lead_in
from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.rig_choice import choose_rig
from latentman.motion.recorded.rig_joints import rig_joints
from latentman.motion.recorded.upright import TEMPLATE_LEG, check_sides, find_up, leg_length, to_metres, unit_name, y_up

log = logging.getLogger("latentman.motion")


def read_bvh_clip(
    path: Path, *, rig: str = "auto", frame_time: float | None = None, skip_frames: int | None = None
) -> Recording:
    """Read a BVH file as HumanML3D's joints.

    Args:
        path: the file.
        rig: "auto", a known rig's name, or a YAML file.
        frame_time: seconds a frame, instead of the file's own.
        skip_frames: frames to leave out at the beginning; None leaves out a rest pose, if there is one.

    Returns:
        Joints in metres at the file's rate. Without a rig file that gives the scale, legs get the template's length.

    Raises:
        ConfigError: if the rig is unknown or its file not valid.
        DataError: if the file is damaged, its rig is not recognised, or its skeleton makes no sense.
    """
    bvh = read_bvh(path, frame_time)
    chosen = choose_rig(rig, bvh.names, path)
    joints = rig_joints(bvh, chosen)
    up = chosen.up or find_up(joints)
    joints = y_up(joints, up)
    leg = leg_length(joints)
    joints = joints * (TEMPLATE_LEG / leg) if chosen.scale is None else to_metres(joints, str(path), chosen.scale)
    check_sides(joints, str(path))
    skipped = lead_in(joints, bvh.fps) if skip_frames is None else skip_frames
    if len(joints) - skipped < 2:
        raise DataError(f"{path}: after the {skipped} skipped frames fewer than two of {len(joints)} are left")
    log.info(
        "%s: rig %s, %s up, in %s, %g frames a second, %d frames skipped at the beginning",
        path.name,
        chosen.name,
        up.upper(),
        unit_name(leg),
        bvh.fps,
        skipped,
    )
    return Recording(joints[skipped:], bvh.fps, rigged=True, skipped=skipped)
