"""The poses of the drawn characters: half from motions, half random with limbs in all directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentman.body.fit import pose_body
from latentman.body.skeleton import PARENTS
from latentman.body.skinning import Body, place_joints
from latentman.config import BodyConfig
from latentman.motion.humanml3d import FPS, recover
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.rotations import from_axis_angle
from latentman.train.motion.captions import captions, orders
from latentman.train.motion.data import read_folder
from latentman.train.scenes.bodies import DrawnBody, joint_transforms, skin
from latentman.train.scenes.footing import LEAST_FLIGHT, flight_heights
from latentman.types import Array, Motion

MOTION_SHARE = 0.5
"""Share of pictures with a pose from a motion."""

CLIPS_PER_ORDER = 1
FRAMES_PER_CLIP = 12
_STRIDE = 3
"""Frames between two kept poses of a motion, so that they differ at 20 frames per second."""

_RECORDED_POSES = 3000

_JUMP_SHARE, _HIGHEST_JUMP = 0.12, 0.35
"""Share of random poses in the air, and the greatest height in metres."""


@dataclass(frozen=True)
class Pose:
    """A pose for a body of any build, facing +Z: ``rotations`` (24, 3, 3) are its joints' in the world, float32.

    ``lift`` in metres is the height of the lowest vertex above the floor: 0 except in a jump.
    """

    rotations: Array
    lift: float

    def vertices(self, drawn: DrawnBody) -> Tensor:
        """Return the vertices (V, 3) in metres, float32, the floor at y = 0 and the pelvis over the origin."""
        rotations = self.rotations[None].astype(np.float64)
        joints = place_joints(drawn.body, rotations, np.zeros((1, 3)))
        transforms = joint_transforms(drawn.body, rotations, joints)[0].astype(np.float32)
        vertices = skin(drawn, torch.from_numpy(transforms).to(drawn.points.device))
        vertices[:, 1] += self.lift - vertices[:, 1].min()
        return vertices


class PoseBank:
    """A collection of poses; the same arguments give the same poses."""

    def __init__(self, motions: list[Pose]) -> None:
        self.motions = motions

    @classmethod
    def make(cls, body: Body, seed: int, recorded: Path | None = None) -> PoseBank:
        """Fit a body to every order that the procedural source understands, and to the motions of a folder.

        Args:
            body: the body to fit, without a shape space.
            seed: seed of the motions, and of the choice of recorded frames.
            recorded: a folder made by ``latentman train prepare-bvh``, or None.

        Raises:
            DataError: if the folder cannot be used.
        """
        rng = np.random.default_rng(seed)
        motions = list(_procedural_poses(body, rng))
        if recorded is not None:
            motions += _recorded_poses(body, rng, recorded)
        return cls(motions)

    def draw(self, rng: np.random.Generator) -> Pose:
        """Return one pose, from a motion or random."""
        if rng.random() < MOTION_SHARE:
            return self.motions[int(rng.integers(len(self.motions)))]
        return random_pose(rng)


def _procedural_poses(body: Body, rng: np.random.Generator) -> Iterator[Pose]:
    source = ProceduralSource(FPS)
    for order in orders():
        for text in captions(order, rng, CLIPS_PER_ORDER):
            frames = FRAMES_PER_CLIP * _STRIDE
            motion = source(text, num_frames=frames, seed=int(rng.integers(2**31)))
            yield from poses_of(body, motion, list(range(0, frames, _STRIDE)))


def _recorded_poses(body: Body, rng: np.random.Generator, folder: Path) -> list[Pose]:
    clips = read_folder(folder)
    lengths = np.array([len(clip.features) for clip in clips], dtype=np.float64)
    shares = rng.multinomial(_RECORDED_POSES, lengths / lengths.sum())
    poses: list[Pose] = []
    for clip, count in zip(clips, shares, strict=True):
        if count:
            motion = Motion(recover(clip.features), FPS, clip.captions[0], "recorded")
            chosen = sorted(rng.choice(len(motion.joints), min(int(count), len(motion.joints)), replace=False).tolist())
            poses += poses_of(body, motion, chosen)
    return poses


def poses_of(body: Body, motion: Motion, frames: list[int]) -> Iterator[Pose]:
    """Fit a body to a motion and yield some of its frames, turned to face +Z; jumps keep their height.

    Only rotations are kept: a drawn body has its own bones, and each frame is set on the floor by its own mesh.
    """
    _, rotations, _ = pose_body(body, motion, BodyConfig("anny"))
    lifts = flight_heights(motion.joints, motion.fps)
    for frame in frames:
        turn = _facing(rotations[frame, 0])
        yield Pose((turn @ rotations[frame]).astype(np.float32), float(lifts[frame]))


def _facing(pelvis: Array) -> Array:
    """Return the rotation (3, 3) about the vertical axis after which a pelvis of this rotation faces +Z."""
    yaw = np.arctan2(pelvis[0, 2], pelvis[2, 2])
    return np.asarray(from_axis_angle(np.array([0.0, -yaw, 0.0])))


def random_pose(rng: np.random.Generator) -> Pose:
    """Return a random pose: a stride, a kick, arms raised or bent, standing on the floor or in a jump."""
    angles, lift = random_angles(rng), 0.0
    if rng.random() < _JUMP_SHARE:
        lift = float(rng.uniform(LEAST_FLIGHT, _HIGHEST_JUMP))
        angles[[4, 5], 0] += rng.uniform(0.2, 0.8)  # knees bend and feet point down, as in a jump
        angles[[7, 8], 0] += rng.uniform(0.3, 0.8)
    return Pose(_to_global(from_axis_angle(angles)).astype(np.float32), lift)


def _to_global(local: Array) -> Array:
    """Return the rotations (24, 3, 3) in the world of joints that are rotated by ``local`` in their parents' frames."""
    rotations = local.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        rotations[joint] = rotations[parent] @ local[joint]
    return rotations


def random_angles(rng: np.random.Generator) -> Array:
    """Return rotation vectors (24, 3) in radians of the joints, in the T-pose's axes.

    A positive rotation about x lowers a forward direction; the left arm points along +x, and a negative rotation about
    z lowers it.
    """
    angles = rng.normal(0, 0.05, (24, 3))
    _bend_torso(angles, rng)
    striding = rng.random() < 0.45
    swing = np.sin(rng.uniform(0, 2 * np.pi)) * rng.uniform(0.2, 0.9)
    lifted = False
    for side in rng.permutation(2):
        hip, knee, ankle = ((1, 4, 7), (2, 5, 8))[side]
        way = -swing if side else swing
        # A negative rotation about x raises a thigh in front, and a positive one moves the shin back. With both thighs
        # raised, a figure would sit in the air.
        raised = rng.uniform(-0.3, 1.3) if rng.random() < 0.5 else 0.0
        lift = way if striding else (0.0 if lifted else raised)
        lifted = lifted or lift != 0.0
        angles[hip, 0] -= lift
        angles[knee, 0] += max(0.0, rng.uniform(0, 1.0) * (abs(lift) if striding else 1.2 * (rng.random() < 0.5)))
        angles[hip, 2] += (-1 if side else 1) * (rng.uniform(-0.05, 0.45) if rng.random() < 0.4 else 0.05)
        angles[ankle, 0] += rng.normal(0, 0.15)
    for side, (shoulder, elbow, wrist) in enumerate(((16, 18, 20), (17, 19, 21))):
        _move_arm(angles, rng, side, (shoulder, elbow, wrist), swing if striding else 0.0)
    return angles


def _bend_torso(angles: Array, rng: np.random.Generator) -> None:
    for joint, spread in ((3, 0.08), (6, 0.08), (9, 0.1), (12, 0.1), (15, 0.15)):
        angles[joint] += rng.normal(0, spread, 3)
    if rng.random() < 0.15:
        angles[3, 0] += rng.uniform(0, 0.5)
    angles[0, [0, 2]] += rng.normal(0, (0.1, 0.06))


def _move_arm(angles: Array, rng: np.random.Generator, side: int, arm: tuple[int, int, int], swing: float) -> None:
    shoulder, elbow, wrist = arm
    mirror = -1.0 if side else 1.0
    raised = swing == 0.0 and rng.random() < 0.4
    # 0 is straight out to the side, 1.2 hangs down, below 0 points up.
    angles[shoulder, 2] -= mirror * (rng.uniform(-1.0, 0.6) if raised else rng.uniform(0.7, 1.25))
    angles[shoulder, 1] -= mirror * (rng.uniform(-0.2, 0.9) if rng.random() < 0.5 else 0.0)
    angles[shoulder, 0] += (0.7 if side else -0.7) * swing
    if rng.random() < 0.8:
        angles[elbow, 1] -= mirror * rng.uniform(0, 1.6)
    angles[wrist] += rng.normal(0, 0.2, 3)
