"""The places: distinguishable, varied, and static."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from latentman.train.scenes.noise import Noise
from latentman.train.scenes.places import PLACES
from latentman.train.scenes.view import View
from latentman.types import Camera

SIZE = 64

Paint = Callable[..., torch.Tensor]


@pytest.fixture(scope="module")
def paint(noise: Noise, camera_at: Callable[..., Camera]) -> Paint:
    """Return a function that paints a place from its name and a seed."""

    def painted(name: str, seed: int = 0, pitch: float = 6.0) -> torch.Tensor:
        view = View.of(camera_at(pitch=pitch), "cpu")
        return PLACES[name].backdrop(view, noise, np.random.default_rng(seed))

    return painted


@pytest.mark.parametrize("name", PLACES)
def test_a_place_has_finite_colours_that_differ_between_seeds(name: str, paint: Paint) -> None:
    first, again, other = paint(name, 1), paint(name, 1), paint(name, 2)
    assert first.shape == (SIZE, SIZE, 3)
    assert first.isfinite().all()
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.002


@pytest.mark.parametrize("pitch", [0.0, 10.0])
@pytest.mark.parametrize("name", PLACES)
def test_colours_are_valid_from_every_camera(name: str, pitch: float, paint: Paint) -> None:
    for seed in range(3):
        assert paint(name, seed, pitch).isfinite().all()


def test_every_place_has_its_own_phrases() -> None:
    phrases = [phrase for place in PLACES.values() for phrase in place.phrases]
    assert len(set(phrases)) == len(phrases)
    assert all(place.phrases for place in PLACES.values())


def test_two_places_always_differ_more_than_two_seeds_of_one(paint: Paint) -> None:
    def layout(name: str, seed: int) -> torch.Tensor:
        return paint(name, seed).reshape(4, SIZE // 4, 4, SIZE // 4, 3).mean((1, 3))

    usual = {name: torch.stack([layout(name, seed) for seed in range(6)]).mean(0) for name in PLACES}
    for first, second in itertools.combinations(PLACES, 2):
        assert (usual[first] - usual[second]).abs().mean() > 0.05, f"{first} looks like {second}"
    for name, seed in itertools.product(PLACES, (8, 9, 10)):
        unseen = layout(name, seed)
        assert min(PLACES, key=lambda other: float((unseen - usual[other]).abs().mean())) == name


def test_the_moon_has_a_dark_sky_and_mars_has_red_ground(paint: Paint) -> None:
    moon, mars, studio = (paint(name) for name in ("moon", "mars", "white studio"))
    assert moon[: SIZE // 5].mean() < 0.2
    ground = mars[-SIZE // 4 :].mean((0, 1))
    assert ground[0] > 1.8 * ground[1] > 1.8 * ground[2]
    assert studio.mean() > 0.8
