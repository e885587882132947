"""Plans: balanced, reproducible, with held-out combinations and true captions."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.train.scenes.captions import QUALITY, with_article
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.flaws import WORDS
from latentman.train.scenes.palette import COLOURS, draw_colours
from latentman.train.scenes.places import PLACES
from latentman.train.scenes.plan import plan_scenes
from latentman.train.scenes.scene import is_held_out


def test_there_are_at_least_twenty_characters_and_twelve_places() -> None:
    assert len(CHARACTERS) >= 20
    assert len(PLACES) >= 12


@given(st.integers(0, 1000), st.integers(0, 60), st.integers(1, 12), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_plan_depends_only_on_its_seed_and_number(seed: int, first: int, number: int, held_out: bool) -> None:
    many = plan_scenes(first + number, seed=seed, held_out=held_out)
    assert many[first:] == plan_scenes(number, seed=seed, first=first, held_out=held_out)


def test_characters_are_drawn_equally_often_and_places_nearly_so() -> None:
    plans = plan_scenes(len(CHARACTERS) * len(PLACES), seed=4)
    assert set(Counter(plan.character for plan in plans).values()) == {len(PLACES)}
    places = Counter(plan.place for plan in plans)
    assert set(places) == set(PLACES)
    # A held-out combination sometimes moves on to another place.
    assert max(places.values()) - min(places.values()) <= len(CHARACTERS) // 2


def test_training_never_contains_a_held_out_combination() -> None:
    for seed in range(3):
        for plan in plan_scenes(600, seed=seed):
            assert not is_held_out(plan.character, plan.colour, plan.place)


def test_the_test_uses_held_out_combinations_if_a_character_has_one() -> None:
    always_the_same = [name for name, character in CHARACTERS.items() if not character.colours]
    trained = {name for name in always_the_same if not any(is_held_out(name, None, place) for place in PLACES)}
    # With a single combination per place, a character may have no held-out combination.
    assert len(trained) <= 1
    for seed in range(3):
        for plan in plan_scenes(300, seed=seed, held_out=True):
            assert is_held_out(plan.character, plan.colour, plan.place) != (plan.character in trained)


def test_a_held_out_test_contains_every_character_and_place() -> None:
    plans = plan_scenes(len(CHARACTERS) * len(PLACES), seed=4, held_out=True)
    assert set(Counter(plan.character for plan in plans).values()) == {len(PLACES)}
    places = Counter(plan.place for plan in plans)
    assert set(places) == set(PLACES)
    # Held-out combinations are random, so places are not equally frequent.
    assert min(places.values()) > len(CHARACTERS) // 3


def test_any_range_of_plans_is_balanced() -> None:
    rounds = plan_scenes(5 * len(CHARACTERS), seed=8, first=3 * len(CHARACTERS))
    assert set(Counter(plan.character for plan in rounds).values()) == {5}


def test_another_seed_gives_other_plans() -> None:
    first, second = (plan_scenes(200, seed=seed) for seed in (0, 1))
    assert len({plan.seed for plan in first + second}) == 400
    assert np.mean([a.character == b.character for a, b in zip(first, second, strict=True)]) < 0.1
    orders = {tuple(plan.character for plan in plan_scenes(28, seed=0, first=28 * k)) for k in range(4)}
    assert len(orders) == 4


def test_about_a_tenth_of_the_combinations_are_held_out() -> None:
    kept = [is_held_out(c, colour, p) for c in CHARACTERS for colour in COLOURS for p in PLACES]
    assert 0.07 < np.mean(kept) < 0.13


@pytest.mark.parametrize("held_out", [False, True])
def test_captions_name_what_is_drawn(held_out: bool) -> None:
    for plan in plan_scenes(200, seed=9, held_out=held_out):
        character = CHARACTERS[plan.character]
        named = {"colour": plan.colour, "second": plan.second_colour}
        phrases = [with_article(phrase.format(**named)) for phrase in character.phrases]
        assert any(plan.caption.startswith(phrase) for phrase in phrases)
        colours = [colour for colour in (plan.colour, plan.second_colour) if colour is not None]
        assert all(colour in plan.caption.split() for colour in colours)
        assert len(colours) == character.colours
        if held_out:
            assert any(plan.caption.endswith(phrase) for phrase in PLACES[plan.place].phrases)
            assert plan.text == plan.caption
            assert plan.flaw is None


def test_texts_contain_quality_words_or_words_for_the_flaw() -> None:
    plans = plan_scenes(2000, seed=2)
    flawed = [plan for plan in plans if plan.flaw is not None]
    assert 0.03 < len(flawed) / len(plans) < 0.07
    assert all(any(plan.text.startswith(words.removesuffix(", ")) for words in WORDS) for plan in flawed)
    praised = [plan for plan in plans if any(plan.text == plan.caption + words for words in QUALITY)]
    assert 0.3 < len(praised) / len(plans) < 0.5
    silent = {plan.text for plan in plans if plan.flaw is None} - {plan.text for plan in praised}
    assert not any(words.removesuffix(", ") in text for text in silent for words in WORDS)


def test_two_colours_are_distinguishable() -> None:
    rng = np.random.default_rng(0)
    for _ in range(400):
        first, second = draw_colours(2, rng)
        assert np.linalg.norm(np.subtract(COLOURS[first], COLOURS[second])) > 0.2
