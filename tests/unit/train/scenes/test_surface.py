"""The surface under a picture: clean borders at neck, hair and ears, at the same place of every build."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from latentman.body.builds import AXES
from latentman.train.scenes.bodies import REGIONS, Bodies, Build
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.figure import albedo
from latentman.train.scenes.noise import Noise
from latentman.train.scenes.surface import Surface, find_surface, under_hair

FACE, SCALP, NECK, CHEST = (REGIONS.index(name) for name in ("face", "scalp", "neck", "chest"))

ALL_ROUND = ((FACE, SCALP), NECK), ((NECK,), CHEST)
"""The borders around the neck: the regions above and the one below."""


@pytest.fixture(scope="module")
def around_the_neck(bodies: Bodies) -> Surface:
    """Return six random points of every triangle at head, neck and shoulders."""
    middle = bodies.points[bodies.faces].mean(1)
    near = (middle[:, 1] > -0.22) & (middle[:, 1] < 0.0) & (middle[:, 0].abs() < 0.11)
    face = near.nonzero()[:, 0].repeat(6)
    draws = torch.rand((len(face), 3), generator=torch.Generator().manual_seed(0)).log()
    return find_surface(bodies, bodies.points, face, draws / draws.sum(1, keepdim=True))


def border(surface: Surface, above: tuple[int, ...], below: int) -> Tensor:
    """Return which samples (M,) are above a border and less than 3 mm from one below it."""
    upper = torch.isin(surface.region, torch.tensor(above)).nonzero()[:, 0]
    lower = (surface.region == below).nonzero()[:, 0]
    apart = torch.cdist(surface.points[upper], surface.points[lower]).amin(1)
    return upper[apart < 0.003]


@pytest.mark.parametrize(("above", "below"), ALL_ROUND)
def test_a_border_at_the_neck_is_a_smooth_curve(around_the_neck: Surface, above: tuple[int, ...], below: int) -> None:
    """The reference is a polynomial of second degree in x and z, fitted to the height of the border."""
    points = around_the_neck.points[border(around_the_neck, above, below)].double()
    assert len(points) > 25
    x, y, z = points.unbind(-1)
    terms = torch.stack([torch.ones_like(x), x, z, x * x, x * z, z * z], -1)
    apart = terms @ torch.linalg.lstsq(terms, y[:, None]).solution - y[:, None]
    assert float(apart.abs().max()) < 0.004


@pytest.mark.parametrize("character", ["clown", "zombie", "alien", "tiger man", "stone golem", "ghost", "vampire"])
def test_the_skin_of_head_and_neck_has_no_step(character: str, around_the_neck: Surface, noise: Noise) -> None:
    look = CHARACTERS[character].look(np.random.default_rng(1), "red", "blue")
    chosen = border(around_the_neck, (FACE,), NECK)
    kept = {name: getattr(around_the_neck, name)[chosen] for name in ("points", "facing", "normal")}
    as_face, as_neck = (
        albedo(look, Surface(**kept, region=torch.full_like(chosen, region)), noise) for region in (FACE, NECK)
    )
    assert float((as_face - as_neck).abs().max()) < 0.02


def test_hair_does_not_cover_the_face_and_covers_the_back_of_the_head() -> None:
    face = torch.tensor([[0.033, 0.041, 0.10], [-0.033, 0.041, 0.10], [0.0, -0.04, 0.11]])
    hair = torch.tensor([[0.0, 0.15, 0.0], [0.0, 0.05, -0.09], [0.07, 0.08, -0.02], [0.0, 0.115, 0.08]])
    assert not under_hair(face).any()
    assert under_hair(hair).all()


def test_no_hair_grows_on_the_ears(bodies: Bodies) -> None:
    x, y, _ = bodies.points.unbind(-1)
    ears = bodies.points[(x.abs() > 0.0775) & (y > -0.02) & (y < 0.1)]
    assert len(ears) > 50
    assert not under_hair(ears).any()


def test_canonical_points_do_not_depend_on_the_build(bodies: Bodies) -> None:
    face = torch.tensor([10, 2000, 24000])
    bary = torch.full((3, 3), 1 / 3)
    surfaces = []
    for build in (Build(0, np.zeros(len(AXES))), Build(2, np.array([0.8, -0.5, 0.7, 0.3]))):
        vertices = bodies.figure(build).points
        surfaces.append(find_surface(bodies, vertices, face, bary))
    first, second = surfaces
    assert torch.equal(first.points, second.points)
    assert torch.equal(first.facing, second.facing)
    assert torch.equal(first.region, second.region)
    assert not torch.equal(first.normal, second.normal)
