"""The bodies on a device: skinned as in the rest of the project, with symmetric garments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from latentman.body.skinning import forward_kinematics
from latentman.body.skinning import skin as skin_exactly
from latentman.motion.rotations import from_axis_angle
from latentman.train.scenes.bodies import REGIONS, Bodies, joint_transforms, skin
from latentman.train.scenes.poses import random_angles
from latentman.train.scenes.surface import Surface, under_hair


def test_skinning_agrees_with_the_body_packages(bodies: Bodies) -> None:
    for seed, drawn in enumerate(bodies.shapes):
        local = from_axis_angle(random_angles(np.random.default_rng(seed)))[None]
        rotations, joints = forward_kinematics(drawn.body, local, np.zeros((1, 3)))
        expected = skin_exactly(drawn.body, rotations, joints)[0]
        transforms = joint_transforms(drawn.body, rotations, joints)[0]
        found = skin(drawn, torch.from_numpy(transforms.astype(np.float32)))
        assert np.abs(found.numpy() - expected).max() < 1e-5


def test_region_shares_of_every_vertex_sum_to_one(bodies: Bodies) -> None:
    for drawn in bodies.shapes:
        torch.testing.assert_close(drawn.region.sum(1), torch.ones(len(drawn.region)))
        assert drawn.region.min() >= 0


def test_regions_have_equal_size_on_the_left_and_the_right(bodies: Bodies) -> None:
    for drawn in bodies.shapes:
        region, side = drawn.region.argmax(1), drawn.points[:, 0]
        for number, name in enumerate(REGIONS):
            left, right = (int(((region == number) & (sign * side > 1e-3)).sum()) for sign in (1, -1))
            assert abs(left - right) <= 0.05 * (left + right), name


def test_regions_are_ordered_from_head_to_foot(seen: Callable[..., Surface]) -> None:
    surface = seen()
    heights = [
        float(surface.points[surface.region == REGIONS.index(name), 1].mean())
        for name in ("scalp", "face", "neck", "chest", "belly", "pelvis", "thigh", "shin", "foot")
    ]
    assert heights == sorted(heights, reverse=True)


def test_hair_does_not_cover_the_face_and_covers_the_back_of_the_head() -> None:
    face = torch.tensor([[0.032, 0.045, 0.10], [-0.032, 0.045, 0.10], [0.0, -0.04, 0.11], [0.085, 0.03, 0.0]])
    hair = torch.tensor([[0.0, 0.15, 0.0], [0.0, 0.05, -0.09], [0.07, 0.08, -0.02], [0.0, 0.115, 0.08]])
    assert not under_hair(face).any()
    assert under_hair(hair).all()
