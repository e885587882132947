"""The shadow that joins a figure to the floor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from latentman.train.scenes.plan import plan_scenes
from latentman.train.scenes.shadow import contact_shadow
from latentman.train.scenes.studio import Studio
from latentman.train.scenes.view import View
from latentman.types import Camera


@pytest.fixture(scope="module")
def view(camera_at: Callable[..., Camera]) -> View:
    return View.of(camera_at(), "cpu")


def post(x: float = 0.0, z: float = 0.0, lifted: float = 0.0) -> Tensor:
    """Return points (240, 3) of a post 1.7 m high."""
    height = torch.linspace(lifted, lifted + 1.7, 240)
    return torch.stack([torch.full_like(height, x), height, torch.full_like(height, z)], -1)


@pytest.mark.parametrize("foot", [(0.0, 0.0), (0.4, -0.3), (-0.5, 0.6)])
def test_it_is_darkest_at_the_post_and_ends_next_to_it(view: View, foot: tuple[float, float]) -> None:
    light = contact_shadow(view, post(*foot))
    away = (view.floor - torch.tensor(foot)).norm(dim=-1)
    assert away[light == light.min()][0] < 0.12
    assert light.min() < 0.75
    assert light[(away > 2.5) & (view.ground > 0)].min() > 0.98


def test_the_sky_is_unchanged(view: View) -> None:
    assert (contact_shadow(view, post())[view.ground == 0] == 1).all()


def test_it_removes_light_but_never_all_of_it(view: View) -> None:
    light = contact_shadow(view, torch.cat([post(0.1 * k) for k in range(-5, 6)]))
    assert light.max() <= 1
    assert light.min() > 0.3


def test_it_fades_with_the_height_of_a_jump(view: View) -> None:
    darkest = [float(contact_shadow(view, post(lifted=lifted)).min()) for lifted in (0.0, 0.2, 0.5, 1.0)]
    assert darkest == sorted(darkest)
    assert darkest[-1] > darkest[0] + 0.1


@pytest.mark.slow
def test_a_figures_shadow_is_under_its_feet(studio: Studio) -> None:
    for plan in plan_scenes(8, seed=21):
        placed = studio._place(plan)
        vertices = placed.vertices
        lowest = vertices[vertices[:, 1] < vertices[:, 1].min() + 0.05][:, [0, 2]]
        view = View.of(placed.camera, "cpu")
        light = contact_shadow(view, vertices)
        assert light.min() < 0.8
        darkest = view.floor[light == light.min()][0]
        # Half a metre: between two feet in a stride it may be darker than below either.
        assert (lowest - darkest).norm(dim=-1).min() < 0.5
