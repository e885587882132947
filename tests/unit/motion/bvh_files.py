"""Writes BVH files of the procedural source's motions, with any rig's names, rotation order, axes and unit."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.recorded.rigs import JOINT_NAMES
from latentman.motion.rotations import swing
from latentman.motion.skeleton import BONE_LENGTHS, PARENTS, REST

CHILDREN = {joint: [c for c, p in enumerate(PARENTS) if p == joint] for joint in range(22)}

_CMU = """
Hips LeftUpLeg RightUpLeg Spine LeftLeg RightLeg Spine0 LeftFoot RightFoot Spine1 LeftToeBase RightToeBase
Neck1 LeftShoulder RightShoulder Head LeftArm RightArm LeftForeArm RightForeArm LeftHand RightHand
"""
CMU = dict(zip(JOINT_NAMES, _CMU.split(), strict=True))
MIXAMO = {
    **{joint: f"mixamorig:{name}" for joint, name in CMU.items()},
    "spine2": "mixamorig:Spine1",
    "spine3": "mixamorig:Spine2",
    "neck": "mixamorig:Neck",
}


def walk(text: str = "a person walks", num_frames: int = 40, fps: float = 20.0) -> np.ndarray:
    """Return joints (T, 22, 3) of the procedural source."""
    return ProceduralSource(fps)(text, num_frames=num_frames, seed=3).joints


def write_bvh(
    path,
    joints,
    *,
    names=None,
    order="ZXY",
    fps=20.0,
    to_file=lambda points: points,
    frame_time=None,
    end="\n",
    indent="\t",
    everywhere=False,
):
    """Write joints (T, 22, 3) with the template's bones as a BVH file and return its path.

    Every bone hangs on a joint of its own: where bones branch, a joint of no length stands in between, as in cgspeed's
    files. ``to_file`` maps points and vectors from the world to the file's axes and unit; ``everywhere`` gives every
    joint position channels as well.
    """
    names = names or {joint: joint for joint in JOINT_NAMES}
    turned = {j: swing(REST[j], joints[:, j] - joints[:, PARENTS[j]]) for j in range(1, 22)}
    still = np.tile(np.eye(3), (len(joints), 1, 1))
    axes = to_file(np.eye(3)).T / np.linalg.norm(to_file(np.eye(3))[0])
    columns, tree = [], []

    def add(joint, name, offset, own, above, depth):
        pad = indent * depth
        positions = "Xposition Yposition Zposition " if joint == 0 or everywhere else ""
        channels = positions + " ".join(f"{axis}rotation" for axis in order)
        tree.extend([f"{pad}{'JOINT' if depth else 'ROOT'} {name}", f"{pad}{{"])
        tree.append(f"{pad}{indent}OFFSET {' '.join(f'{x:.9f}' for x in to_file(offset))}")
        tree.append(f"{pad}{indent}CHANNELS {len(channels.split())} {channels}")
        if positions:
            columns.append(to_file(joints[:, 0]) if joint == 0 else np.tile(to_file(offset), (len(joints), 1)))
        local = axes @ above.transpose(0, 2, 1) @ own @ axes.T
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            columns.append(Rotation.from_matrix(local).as_euler(order, degrees=True))

    def close(depth):
        tree.append(f"{indent * depth}}}")

    def branch(joint, offset, above, depth):
        """Add a joint whose frame turns with its only child, or children behind joints of no length."""
        below = CHILDREN[joint]
        own = turned[below[0]] if len(below) == 1 else above if joint else still
        add(joint, names[JOINT_NAMES[joint]], offset, own, above, depth)
        for child in below:
            length = REST[child] * BONE_LENGTHS[child]
            if len(below) == 1:
                branch(child, length, own, depth + 1)
            else:
                add(-1, f"{names[JOINT_NAMES[child]]}Pivot", np.zeros(3), turned[child], own, depth + 1)
                branch(child, length, turned[child], depth + 2)
                close(depth + 1)
        if not below:
            pad = indent * (depth + 1)
            tip = to_file(np.array([0.0, 0.01, 0.0]))
            tree.extend([f"{pad}End Site", f"{pad}{{", f"{pad}{indent}OFFSET {' '.join(map(str, tip))}", f"{pad}}}"])
        close(depth)

    branch(0, np.zeros(3), still, 0)
    rows = np.concatenate(columns, axis=1)
    seconds = f"{1 / fps:.7f}" if frame_time is None else str(frame_time)
    lines = ["HIERARCHY", *tree, "MOTION", f"Frames: {len(rows)}", f"Frame Time: {seconds}"]
    lines += [" ".join(f"{value:.9f}" for value in row) for row in rows]
    path.write_bytes(end.join([*lines, ""]).encode())
    return path
