"""Moving skeletons with any names, as readers hand them to the rigs."""

import dataclasses
from pathlib import Path

import numpy as np

from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.recorded.bvh import joint_positions, read_bvh
from latentman.motion.recorded.rigs import JOINT_NAMES
from latentman.motion.recorded.skeleton_clip import SkeletonClip
from latentman.motion.skeleton import PARENTS


def person(text="a person walks", num_frames=20):
    """Return joints (T, 22, 3) of the procedural source."""
    return ProceduralSource(20.0)(text, num_frames=num_frames, seed=3).joints


def skeleton(names=None, joints=None):
    """Return HumanML3D's skeleton with other names; joints without a name are left out, their children move up."""
    names = {joint: joint for joint in JOINT_NAMES} if names is None else names
    joints = person() if joints is None else joints
    kept = [index for index, joint in enumerate(JOINT_NAMES) if joint in names]

    def parent(index):
        above = PARENTS[index]
        while above >= 0 and above not in kept:
            above = PARENTS[above]
        return kept.index(above) if above >= 0 else -1

    return SkeletonClip(
        path=Path("walk.bvh"),
        names=tuple(names[JOINT_NAMES[index]] for index in kept),
        parents=tuple(parent(index) for index in kept),
        positions=np.array(joints[:, kept]),
    )


def of_bvh(path):
    """Return the skeleton of a BVH file."""
    bvh = read_bvh(path)
    return SkeletonClip(path=path, names=bvh.names, parents=bvh.parents, positions=joint_positions(bvh))


def extended(clip, name, parent, offset):
    """Return a skeleton with one more joint at an offset (3,) from another one."""
    above = clip.names.index(parent)
    place = clip.positions[:, above] + np.asarray(offset)
    return dataclasses.replace(
        clip,
        names=(*clip.names, name),
        parents=(*clip.parents, above),
        positions=np.concatenate([clip.positions, place[:, None]], axis=1),
    )


def renamed(clip, *names):
    """Return a skeleton whose joints of these names are called something that no rig knows."""
    return dataclasses.replace(clip, names=tuple(f"x{i}" if n in names else n for i, n in enumerate(clip.names)))


def moved(clip, places):
    """Return a skeleton whose joints of some names are where others are."""
    positions = clip.positions.copy()
    for name, other in places.items():
        positions[:, clip.names.index(name)] = clip.positions[:, clip.names.index(other)]
    return dataclasses.replace(clip, positions=positions)
