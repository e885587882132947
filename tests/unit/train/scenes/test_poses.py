"""Poses: reproducible from the seed, standing on the floor and facing the front."""

from __future__ import annotations

import numpy as np
import pytest

from latentman.train.scenes.bodies import Bodies
from latentman.train.scenes.poses import PoseBank, random_pose
from latentman.train.scenes.studio import Studio


@pytest.fixture(scope="module")
def bank(studio: Studio) -> PoseBank:
    return studio.poses


def test_the_same_seed_gives_the_same_poses(bodies: Bodies, bank: PoseBank) -> None:
    for draw in range(5):
        first, second = (bank.draw(np.random.default_rng(draw)) for _ in range(2))
        assert first.shape == second.shape
        assert first.transforms.tobytes() == second.transforms.tobytes()


def test_no_pose_sinks_into_the_floor_and_few_leave_it(bodies: Bodies, bank: PoseBank) -> None:
    rng = np.random.default_rng(0)
    lowest = np.array([float(bank.draw(rng).vertices(bodies)[:, 1].min()) for _ in range(150)])
    assert lowest.min() > -1e-3
    assert np.mean(lowest < 0.12) > 0.7
    assert lowest.max() < 1.2


def test_poses_face_the_front_and_stand_over_the_origin(bodies: Bodies, bank: PoseBank) -> None:
    for pose in bank.motions[:: max(1, len(bank.motions) // 60)]:
        drawn = bodies.shapes[pose.shape]
        front = pose.transforms[0, :, :3] @ np.array([0.0, 0.0, 1.0])
        pelvis = pose.transforms[0, :, :3] @ drawn.body.joints[0] + pose.transforms[0, :, 3]
        assert front[2] > 0
        assert abs(front[0]) < 0.3
        assert np.abs(pelvis[[0, 2]]).max() < 1e-3


def test_a_random_pose_keeps_a_human_size(bodies: Bodies) -> None:
    rng = np.random.default_rng(1)
    for shape, drawn in enumerate(bodies.shapes):
        for _ in range(10):
            vertices = random_pose(drawn.body, shape, rng).vertices(bodies)
            extent = (vertices.amax(0) - vertices.amin(0)).tolist()
            assert all(np.isfinite(extent))
            assert 1.0 < extent[1] < 2.5


def test_poses_vary(bodies: Bodies, bank: PoseBank) -> None:
    rng = np.random.default_rng(2)
    vertices = np.stack([bank.draw(rng).vertices(bodies)[::50].numpy() for _ in range(60)])
    assert vertices.std(0).mean() > 0.08
