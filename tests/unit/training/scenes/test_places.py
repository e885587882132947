"""The places: seen from their camera, told apart, and still."""

import itertools

import numpy as np
import pytest
import torch

from latentman.render.camera import look_at, project, to_camera
from latentman.training.scenes.noise import Noise
from latentman.training.scenes.places import PLACES
from latentman.training.scenes.shadow import contact_shadow
from latentman.training.scenes.view import View

SIZE = 64


def make_camera(yaw: float = 20.0, pitch: float = 6.0, size: int = SIZE):  # type: ignore[no-untyped-def]
    target = np.array([0.0, 0.9, 0.0])
    return look_at(target, distance=3.0, size=size, yfov_deg=47, yaw_deg=yaw, pitch_deg=pitch)


def paint(name: str, noise: Noise, seed: int = 0) -> torch.Tensor:
    view = View.of(make_camera(), "cpu")
    return PLACES[name].backdrop(view, noise, np.random.default_rng(seed))


@pytest.mark.parametrize("pitch", [0.0, 4.0, 10.0])
def test_a_pixels_floor_is_what_the_camera_projects_there(pitch: float) -> None:
    camera = make_camera(pitch=pitch)
    view = View.of(camera, "cpu")
    row, column = (view.ground > 0).nonzero(as_tuple=True)
    floor = view.floor[row, column].numpy().astype(np.float64)
    points = np.stack([floor[:, 0], np.zeros(len(floor)), floor[:, 1]], -1)
    pixels = project(to_camera(points, camera), camera)
    assert np.abs(pixels - np.stack([column + 0.5, row + 0.5], -1)).max() < 0.01


@pytest.mark.parametrize("pitch", [0.0, 4.0, 10.0])
def test_the_horizon_is_where_the_floor_ends(pitch: float) -> None:
    camera = make_camera(pitch=pitch, size=512)
    view = View.of(camera, "cpu")
    far = np.array([[-4000 * np.sin(np.radians(20)), 0.0, -4000 * np.cos(np.radians(20))]])
    assert view.horizon * 512 == pytest.approx(project(to_camera(far, camera), camera)[0, 1], abs=1.0)
    first_row = int((view.ground > 0).any(1).nonzero()[0, 0])
    assert first_row / 512 == pytest.approx(view.horizon, abs=0.03)


@pytest.mark.parametrize("name", PLACES)
def test_a_place_has_finite_colours_and_each_seed_has_its_own(name: str, noise: Noise) -> None:
    first, again, other = paint(name, noise, 1), paint(name, noise, 1), paint(name, noise, 2)
    assert first.shape == (SIZE, SIZE, 3)
    assert first.isfinite().all()
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.002


def test_every_two_places_differ_more_than_the_seeds_of_one(noise: Noise) -> None:
    def layout(name: str, seed: int) -> torch.Tensor:
        return paint(name, noise, seed).reshape(4, SIZE // 4, 4, SIZE // 4, 3).mean((1, 3))

    own = {name: torch.stack([layout(name, seed) for seed in range(3)]).mean(0) for name in PLACES}
    for first, second in itertools.combinations(PLACES, 2):
        assert (own[first] - own[second]).abs().mean() > 0.05, f"{first} looks like {second}"


def test_the_moon_is_dark_above_and_mars_is_red_below(noise: Noise) -> None:
    moon, mars, studio = (paint(name, noise) for name in ("moon", "mars", "white studio"))
    assert moon[: SIZE // 5].mean() < 0.2
    ground = mars[-SIZE // 4 :].mean((0, 1))
    assert ground[0] > 1.8 * ground[1] > 1.8 * ground[2]
    assert studio.mean() > 0.8


def test_the_shadow_lies_under_the_figure_and_pales_when_it_jumps() -> None:
    view = View.of(make_camera(), "cpu")
    # A post of 1.7 m over the origin.
    post = torch.stack([torch.zeros(240), torch.linspace(0, 1.7, 240), torch.zeros(240)], -1)
    light = contact_shadow(view, post)
    darkest = view.floor[light == light.min()][0]
    assert darkest.norm() < 0.12
    assert light.min() < 0.75
    assert light[view.ground == 0].min() == 1
    aside = (view.floor.norm(dim=-1) > 2.5) & (view.ground > 0)
    assert light[aside].min() > 0.98
    assert contact_shadow(view, post + torch.tensor([0.0, 0.5, 0.0])).min() > light.min()
