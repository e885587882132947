"""A painted figure: every sample has a colour, and the same seed gives the same figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.figure import albedo, paint
from latentman.train.scenes.noise import Noise
from latentman.train.scenes.surface import Surface

LIGHT = torch.nn.functional.normalize(torch.tensor([0.4, -0.6, -0.7]), dim=0)


@pytest.mark.parametrize("character", CHARACTERS)
def test_every_sample_has_a_colour(character: str, seen: Callable[..., Surface], noise: Noise) -> None:
    surface = seen(35.0)
    for seed in range(2):
        look = CHARACTERS[character].look(np.random.default_rng(seed), "red", "blue")
        painted = paint(look, surface, LIGHT, noise)
        assert painted.shape == surface.points.shape
        assert painted.dtype == torch.float32
        assert torch.isfinite(painted).all()
        assert float(painted.min()) >= 0
        assert float(painted.max()) <= 1


@pytest.mark.parametrize("character", CHARACTERS)
def test_the_same_seed_paints_the_same_bytes(character: str, seen: Callable[..., Surface], noise: Noise) -> None:
    surface = seen()
    first, second, other = (
        albedo(CHARACTERS[character].look(np.random.default_rng(seed), "red", "blue"), surface, noise)
        for seed in (5, 5, 6)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_any_two_characters_look_different(seen: Callable[..., Surface], noise: Noise) -> None:
    surface = seen()
    painted = [
        albedo(character.look(np.random.default_rng(1), "red", "blue"), surface, noise)
        for character in CHARACTERS.values()
    ]
    for index, first in enumerate(painted):
        for second in painted[:index]:
            assert float((first - second).abs().mean()) > 0.02


def test_lighting_shapes_the_figure_and_keeps_its_colour(seen: Callable[..., Surface], noise: Noise) -> None:
    surface = seen()
    look = CHARACTERS["ninja"].look(np.random.default_rng(0), "red", "white")
    lit = paint(look, surface, LIGHT, noise)
    towards, away = (surface.normal @ LIGHT > 0.7), (surface.normal @ LIGHT < 0.0)
    assert float(lit[towards].mean()) > 1.2 * float(lit[away].mean())
    assert float(lit[:, 0].mean()) > 2 * float(lit[:, 1].mean())
