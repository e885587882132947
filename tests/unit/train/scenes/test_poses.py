"""Poses: reproducible from the seed, standing on the floor and facing the front."""

from __future__ import annotations

import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.builds import AXES
from latentman.body.skinning import Body, forward_kinematics
from latentman.body.skinning import skin as skin_exactly
from latentman.config import BodyConfig
from latentman.motion.humanml3d import FPS
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.rotations import from_axis_angle
from latentman.train.scenes.bodies import Bodies, Build, draw_build
from latentman.train.scenes.footing import LEAST_FLIGHT
from latentman.train.scenes.poses import Pose, PoseBank, poses_of, random_angles, random_pose
from latentman.train.scenes.studio import Studio


@pytest.fixture(scope="module")
def bank(studio: Studio) -> PoseBank:
    return studio.poses


@pytest.fixture(scope="module")
def neutral() -> Body:
    return build(BodyConfig("anny"))


def lowest(pose: Pose, bodies: Bodies, rng: np.random.Generator) -> float:
    return float(pose.vertices(bodies.figure(draw_build(rng)))[:, 1].min())


def test_the_same_seed_gives_the_same_poses(bank: PoseBank) -> None:
    for draw in range(5):
        first, second = (bank.draw(np.random.default_rng(draw)) for _ in range(2))
        assert first.lift == second.lift
        assert first.rotations.tobytes() == second.rotations.tobytes()


@pytest.mark.parametrize("text", ["a person does jumping jacks", "a person squats", "a person runs", "a person walks"])
def test_exercises_stand_on_the_floor_in_every_frame(bodies: Bodies, neutral: Body, text: str) -> None:
    motion = ProceduralSource(FPS)(text, num_frames=40, seed=2)
    rng = np.random.default_rng(0)
    for pose in poses_of(neutral, motion, list(range(0, 40, 2))):
        assert abs(lowest(pose, bodies, rng)) < 1e-5


def test_a_jump_leaves_the_floor_and_a_ledge_is_not_air(bodies: Bodies, neutral: Body) -> None:
    rng = np.random.default_rng(0)
    for text, waiting in (("a person jumps up and down", 2), ("a person jumps off a wall", 4)):
        motion = ProceduralSource(FPS)(text, num_frames=36, seed=2)
        heights = [lowest(pose, bodies, rng) for pose in poses_of(neutral, motion, list(range(36)))]
        assert max(heights) > 0.3
        assert max(map(abs, heights[:waiting])) < 1e-5
        assert not [height for height in heights if 1e-5 < height < LEAST_FLIGHT - 1e-5]


def test_no_pose_sinks_into_the_floor_and_few_leave_it(bodies: Bodies, bank: PoseBank) -> None:
    rng = np.random.default_rng(0)
    heights = np.array([lowest(bank.draw(rng), bodies, rng) for _ in range(150)])
    assert heights.min() > -1e-5
    assert np.mean(heights < 1e-5) > 0.8
    assert heights[heights > 1e-5].min() > LEAST_FLIGHT - 1e-5
    assert heights.max() < 1.2


def test_poses_face_the_front_and_stand_over_the_origin(bodies: Bodies, bank: PoseBank) -> None:
    for pose in bank.motions[:: max(1, len(bank.motions) // 60)]:
        front = pose.rotations[0] @ np.array([0.0, 0.0, 1.0])
        assert front[2] > 0
        assert abs(front[0]) < 0.3
    drawn = bodies.figure(Build(0, np.zeros(len(AXES))))
    pelvis = (bodies.region.argmax(1) == 5).numpy()
    assert np.abs(pose.vertices(drawn).numpy()[pelvis][:, [0, 2]].mean(0)).max() < 0.15


def test_a_pose_is_posed_as_by_the_body_package(bodies: Bodies) -> None:
    rng = np.random.default_rng(4)
    drawn = bodies.figure(draw_build(rng))
    local = from_axis_angle(random_angles(np.random.default_rng(9)))[None]
    rotations, joints = forward_kinematics(drawn.body, local, np.zeros((1, 3)))
    expected = skin_exactly(drawn.body, rotations, joints)[0]
    expected[:, 1] += 0.2 - expected[:, 1].min()
    found = Pose(rotations[0].astype(np.float32), 0.2).vertices(drawn)
    assert np.abs(found.numpy() - expected).max() < 1e-5


def test_no_random_pose_sits_in_the_air() -> None:
    rng = np.random.default_rng(3)
    for _ in range(300):
        thighs = -random_angles(rng)[[1, 2], 0]
        assert thighs.min() < 0.3


def test_a_random_pose_keeps_a_human_size(bodies: Bodies) -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        vertices = random_pose(rng).vertices(bodies.figure(draw_build(rng)))
        extent = (vertices.amax(0) - vertices.amin(0)).tolist()
        assert all(np.isfinite(extent))
        assert 1.0 < extent[1] < 2.6


def test_poses_vary(bodies: Bodies, bank: PoseBank) -> None:
    rng = np.random.default_rng(2)
    drawn = bodies.figure(Build(0, np.zeros(len(AXES))))
    vertices = np.stack([bank.draw(rng).vertices(drawn)[::50].numpy() for _ in range(60)])
    assert vertices.std(0).mean() > 0.08
