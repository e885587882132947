"""The bodies on a device: skinned as in the rest of the project, with symmetric garments; their builds vary."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from latentman.body.build import build
from latentman.body.builds import AXES
from latentman.body.skinning import forward_kinematics
from latentman.body.skinning import skin as skin_exactly
from latentman.config import BodyConfig
from latentman.motion.rotations import from_axis_angle
from latentman.train.scenes.bodies import REGIONS, SHAPES, Bodies, Build, draw_build, joint_transforms, skin
from latentman.train.scenes.poses import random_angles
from latentman.train.scenes.surface import Surface


def test_skinning_agrees_with_the_body_packages(bodies: Bodies) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        drawn = bodies.figure(Build(seed, rng.uniform(-1, 1, len(AXES))))
        local = from_axis_angle(random_angles(rng))[None]
        rotations, joints = forward_kinematics(drawn.body, local, np.zeros((1, 3)))
        expected = skin_exactly(drawn.body, rotations, joints)[0]
        transforms = joint_transforms(drawn.body, rotations, joints)[0]
        found = skin(drawn, torch.from_numpy(transforms.astype(np.float32)))
        assert np.abs(found.numpy() - expected).max() < 1e-5


def test_a_build_without_amounts_is_the_shipped_body(bodies: Bodies) -> None:
    for shape, name in enumerate(SHAPES):
        shipped = build(BodyConfig("anny", name))
        figure = bodies.figure(Build(shape, np.zeros(len(AXES))))
        assert np.array_equal(figure.body.vertices, shipped.vertices)
        assert np.array_equal(figure.body.offsets, shipped.offsets)


def test_the_same_seed_draws_the_same_build() -> None:
    first, second, other = (draw_build(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first.shape == second.shape
    assert np.array_equal(first.amounts, second.amounts)
    assert not np.array_equal(first.amounts, other.amounts)


def test_drawn_bodies_vary_in_height_and_width_like_people(bodies: Bodies) -> None:
    rng = np.random.default_rng(0)
    sizes = []
    for _ in range(60):
        vertices = bodies.figure(draw_build(rng)).body.vertices
        trunk = vertices[(bodies.region.argmax(1) == REGIONS.index("belly")).numpy()]
        sizes.append((np.ptp(vertices[:, 1]), np.ptp(trunk[:, 0]), np.ptp(trunk[:, 2])))
    height, width, depth = np.array(sizes).T
    assert height.min() > 1.60
    assert height.max() < 2.05
    for values, least in ((height, 0.02), (width / height, 0.03), (depth / height, 0.02)):
        assert values.std() / values.mean() > least


def test_region_shares_of_every_vertex_sum_to_one(bodies: Bodies) -> None:
    torch.testing.assert_close(bodies.region.sum(1), torch.ones(len(bodies.region)))
    assert bodies.region.min() >= 0


def test_regions_have_equal_size_on_the_left_and_the_right(bodies: Bodies) -> None:
    region, side = bodies.region.argmax(1), bodies.points[:, 0]
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
