"""One writer for every kind of motion file that is read, so that a test can feed each the same clip and the same fault.

A writer takes joints (T, 22, 3), Y up, in metres, the rate, and ``to_file``, which maps points (..., 3) to the file's
axes and unit. Files of poses hold a body that stands and swings a leg instead of the joints.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from latentman.motion.recorded.bvh import read_bvh
from tests.factories.gltf_files import scene
from tests.unit.motion.bvh_files import write_bvh


def same(points):
    """Leave points as they are."""
    return points


def bvh(path, joints, fps=20.0, to_file=same):
    return write_bvh(path, joints, fps=fps, to_file=to_file)


def gltf(path, joints, fps=20.0, to_file=same):
    padded = np.concatenate([joints, joints[-1:]])  # a BVH file needs two frames
    source = read_bvh(write_bvh(path.with_name("source.bvh"), padded, fps=fps, to_file=to_file))
    return scene(replace(source, values=source.values[:-1])).save(path)


def npz(path, joints, fps=20.0, to_file=same):
    np.savez(path, joints=to_file(joints), fps=fps)
    return path


def npy(path, joints, fps=20.0, to_file=same):
    np.save(path, to_file(joints))
    return path


def poses(joints, fps=20.0, to_file=same):
    """Return SMPL's poses, path and rate of a body that stands where the joints' pelvis is."""
    axes = to_file(np.eye(3)).T
    values = np.zeros((len(joints), 72))
    values[:, :3] = Rotation.from_matrix(axes / np.linalg.norm(axes[0])).as_rotvec()
    values[:, 3] = 0.4 * np.sin(np.arange(len(joints)) / 3)
    return {"poses": values, "trans": to_file(joints[:, 0]), "fps": fps}


def npz_poses(path, joints, fps=20.0, to_file=same):
    np.savez(path, **poses(joints, fps, to_file))
    return path


def npy_poses(path, joints, fps=20.0, to_file=same):
    np.save(path, poses(joints, fps, to_file)["poses"])
    return path


def pkl(path, joints, fps=20.0, to_file=same):
    path.write_bytes(pickle.dumps(poses(joints, fps, to_file)))
    return path


def pt(path, joints, fps=20.0, to_file=same):
    data = poses(joints, fps, to_file)
    torch.save({**data, "poses": torch.from_numpy(data["poses"]), "trans": torch.from_numpy(data["trans"])}, path)
    return path


JOINT_FILES = {"a.bvh": bvh, "a.gltf": gltf, "a.glb": gltf, "a.npz": npz, "a.npy": npy}
"""Writers of files of joints, by a name with their suffix."""

POSE_FILES = {
    "poses.npz": npz_poses,
    "poses.npy": npy_poses,
    "a.pkl": pkl,
    "a.pickle": pkl,
    "a.joblib": pkl,
    "a.pt": pt,
    "a.pth": pt,
}
"""Writers of files of SMPL's poses, by a name with their suffix."""

FILES = {**JOINT_FILES, **POSE_FILES}
SUFFIXES = {Path(name).suffix for name in FILES}
