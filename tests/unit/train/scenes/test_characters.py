"""Characters look as their phrases describe."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from latentman.train.scenes.bodies import REGIONS
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.figure import albedo
from latentman.train.scenes.noise import Noise
from latentman.train.scenes.palette import COLOURS, draw_colours, nearest_colour
from latentman.train.scenes.surface import Surface

WORN = {
    "robot": "shin", "astronaut": "hand", "superhero": "upper_arm", "ninja": "thigh", "zombie": "upper_arm",
    "soccer player": "chest", "businessman": "thigh", "firefighter": "scalp", "alien": "shin", "dancer": "upper_arm",
    "pirate": "upper_arm", "basketball player": "belly", "vampire": "belly",
}  # fmt: skip
"""A region that the first named colour covers."""

ALSO_WORN = {
    "superhero": "hand", "soccer player": "thigh", "skier": "thigh", "dancer": "foot", "pirate": "thigh",
    "basketball player": "thigh", "cat": "neck",
}  # fmt: skip
"""A region that the second named colour covers."""


def _mean(character: str, names: tuple[str | None, ...], region: str, surface: Surface, noise: Noise) -> np.ndarray:
    look = CHARACTERS[character].look(np.random.default_rng(4), names[0], names[1])
    painted: Tensor = albedo(look, surface, noise)
    return painted[surface.region == REGIONS.index(region)].double().median(0).values.numpy()


def test_there_are_enough_characters_and_every_phrase_names_its_colours() -> None:
    assert len(CHARACTERS) >= 24
    for character in CHARACTERS.values():
        for phrase in character.phrases:
            assert ("{second}" in phrase) == (character.colours == 2), phrase
            assert "{colour}" in phrase or character.colours == 0, phrase


@pytest.mark.parametrize("character", WORN)
def test_the_first_colour_is_recognisable_on_its_garment(
    character: str, seen: Callable[..., Surface], noise: Noise
) -> None:
    for name in ("red", "blue", "green", "orange", "purple", "pink", "teal", "yellow"):
        found = _mean(character, (name, "white"), WORN[character], seen(), noise)
        assert nearest_colour(found) == name


@pytest.mark.parametrize("character", ALSO_WORN)
def test_the_second_colour_is_recognisable_on_its_garment(
    character: str, seen: Callable[..., Surface], noise: Noise
) -> None:
    for name in ("red", "blue", "green", "orange", "purple", "pink", "teal", "yellow"):
        found = _mean(character, ("white", name), ALSO_WORN[character], seen(), noise)
        assert nearest_colour(found) == name


@pytest.mark.parametrize("character", [n for n, c in CHARACTERS.items() if c.colours == 2])
def test_two_named_colours_give_two_different_pictures(
    character: str, seen: Callable[..., Surface], noise: Noise
) -> None:
    surface = seen()
    looks = [CHARACTERS[character].look(np.random.default_rng(0), "white", name) for name in ("red", "blue")]
    first, second = (albedo(look, surface, noise) for look in looks)
    changed = ((first - second).abs().amax(1) > 0.2).float().mean()
    assert float(changed) > 0.004


def test_drawn_colours_are_distinguishable() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        first, second = draw_colours(2, rng)
        distance = np.linalg.norm(np.array(COLOURS[first]) - np.array(COLOURS[second]))
        assert first != second
        assert distance > 0.2


def test_the_recorded_prompts_use_characters_of_this_world() -> None:
    files = sorted((Path(__file__).parents[4] / "conf" / "prompts").glob("*.yaml"))
    prompts = [text for file in files for text in re.findall(r'mini: "([^"]+)"', file.read_text(encoding="utf-8"))]
    assert prompts
    patterns = [
        re.sub(r"\\\{(colour|second)\\\}", f"({'|'.join(COLOURS)})", re.escape(phrase))
        for character in CHARACTERS.values()
        for phrase in character.phrases
    ]
    for prompt in prompts:
        # The caption's article follows the colour: an orange jacket.
        asked = prompt.replace("an orange", "a orange")
        assert any(re.match(pattern, asked) for pattern in patterns), prompt
