"""A BVH file as a recording: its moving skeleton, and the rest pose that its offsets describe."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from latentman.errors import DataError
from latentman.motion.recorded.bvh import Bvh, joint_positions, read_bvh
from latentman.motion.recorded.door import Clip, Settings, admit
from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.rig_recording import rig_recording
from latentman.motion.recorded.skeleton_clip import SkeletonClip
from latentman.types import Array


def bvh_recording(path: Path, rig: str = "auto") -> Recording:
    """Read a BVH file as HumanML3D's joints, in its own unit and axes.

    Args:
        path: the file.
        rig: "auto", a known rig's name, or a YAML file.

    Raises:
        ConfigError: if the rig is unknown or its file not valid.
        DataError: if the file is damaged, or its rig is not recognised.
    """
    bvh = read_bvh(path)
    clip = SkeletonClip(path=path, names=bvh.names, parents=bvh.parents, positions=joint_positions(bvh))
    recording = rig_recording(clip, rig, rate=bvh.fps, rest=rest_positions(bvh))
    stated = f"Frame Time: {bvh.frame_time[:20]} in line {bvh.frame_time_line}"
    return dataclasses.replace(recording, rate_stated=stated)


def read_bvh_clip(
    path: Path, *, rig: str = "auto", frame_time: float | None = None, skip_frames: int | None = None
) -> Clip:
    """Read a BVH file as HumanML3D's joints in metres, Y up, at the file's rate, for a training set.

    Args:
        path: the file.
        rig: "auto", a known rig's name, or a YAML file.
        frame_time: seconds a frame, instead of the file's own.
        skip_frames: frames to leave out at the beginning; None leaves out a rest pose, if there is one.

    Returns:
        The clip. Without a rig file that gives the scale, legs get the template's length.

    Raises:
        ConfigError: if the rig is unknown or its file not valid.
        DataError: if the file is damaged, its rig is not recognised, its skeleton makes no sense, or its left and right
            are exchanged, since captions may name them.
    """
    fps = None if frame_time is None else 1.0 / frame_time
    clip = admit(bvh_recording(path, rig), Settings(file_fps=fps, skip_frames=skip_frames))
    if clip.mirror != "none":
        raise DataError(
            f"{path}: the toes point backwards, so left and right are exchanged, or the axes are left-handed; "
            "exchange left and right in a rig file (motion.rig=FILE, --rig FILE), or export with right-handed axes"
        )
    return clip


def rest_positions(bvh: Bvh) -> Array:
    """Return the joints (J, 3) of the pose in which nothing is turned and every joint is at its offset."""
    row = [
        offset["XYZ".index(channel[0])] if channel.endswith("POSITION") else 0.0
        for offset, channels in zip(bvh.offsets, bvh.channels, strict=True)
        for channel in channels
    ]
    still = dataclasses.replace(bvh, values=np.array([row], dtype=np.float64))
    return joint_positions(still)[0]
