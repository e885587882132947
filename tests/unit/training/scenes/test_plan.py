"""What is drawn: balanced, repeatable, with combinations kept for the test, and told in true sentences."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.training.scenes.captions import QUALITY, caption, with_article
from latentman.training.scenes.characters import CHARACTERS
from latentman.training.scenes.flaws import FLAWS, WORDS
from latentman.training.scenes.palette import COLOURS, draw_colours
from latentman.training.scenes.places import PLACES
from latentman.training.scenes.plan import plan_scenes
from latentman.training.scenes.scene import is_held_out


def test_there_are_at_least_twenty_characters_and_twelve_places() -> None:
    assert len(CHARACTERS) >= 20
    assert len(PLACES) >= 12


@given(st.integers(0, 1000), st.integers(0, 60), st.integers(1, 12), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_plan_depends_on_its_seed_and_number_alone(seed: int, first: int, number: int, held_out: bool) -> None:
    many = plan_scenes(first + number, seed=seed, held_out=held_out)
    assert many[first:] == plan_scenes(number, seed=seed, first=first, held_out=held_out)


def test_characters_are_drawn_equally_often_and_places_nearly_so() -> None:
    plans = plan_scenes(len(CHARACTERS) * len(PLACES), seed=4)
    assert set(Counter(plan.character for plan in plans).values()) == {len(PLACES)}
    places = Counter(plan.place for plan in plans)
    assert set(places) == set(PLACES)
    # A combination that is held out moves on to another place now and then.
    assert max(places.values()) - min(places.values()) <= len(CHARACTERS) // 2


def test_training_never_sees_a_held_out_combination_and_the_test_sees_little_else() -> None:
    for plan in plan_scenes(600, seed=1):
        assert not is_held_out(plan.character, plan.colour, plan.place)
    tested = plan_scenes(300, seed=1, held_out=True)
    kept = [is_held_out(plan.character, plan.colour, plan.place) for plan in tested]
    # A character without colours may have no place that is held out for it.
    assert np.mean(kept) > 0.95
    assert all(plan.colour is None for plan, out in zip(tested, kept, strict=True) if not out)


def test_about_a_tenth_of_the_combinations_is_held_out() -> None:
    kept = [is_held_out(c, colour, p) for c in CHARACTERS for colour in COLOURS for p in PLACES]
    assert 0.07 < np.mean(kept) < 0.13


@pytest.mark.parametrize("held_out", [False, True])
def test_captions_name_what_is_drawn(held_out: bool) -> None:
    for plan in plan_scenes(200, seed=9, held_out=held_out):
        character = CHARACTERS[plan.character]
        named = {"colour": plan.colour, "second": plan.second_colour}
        phrases = [with_article(phrase.format(**named)) for phrase in character.phrases]
        assert any(plan.caption.startswith(phrase) for phrase in phrases)
        assert (plan.colour is not None) == (character.colours >= 1)
        assert (plan.second_colour is not None) == (character.colours == 2)
        if held_out:
            assert any(plan.caption.endswith(phrase) for phrase in PLACES[plan.place].phrases)
            assert plan.text == plan.caption
            assert plan.flaw is None


def test_texts_carry_words_of_quality_or_of_the_flaw() -> None:
    plans = plan_scenes(2000, seed=2)
    flawed = [plan for plan in plans if plan.flaw is not None]
    assert 0.03 < len(flawed) / len(plans) < 0.07
    assert all(any(plan.text.startswith(words.removesuffix(", ")) for words in WORDS) for plan in flawed)
    praised = [plan for plan in plans if any(plan.text == plan.caption + words for words in QUALITY)]
    assert 0.3 < len(praised) / len(plans) < 0.5
    silent = {plan.text for plan in plans if plan.flaw is None} - {plan.text for plan in praised}
    assert not any(words.removesuffix(", ") in text for text in silent for words in WORDS)


def test_the_article_goes_with_the_next_word() -> None:
    assert with_article("a orange alien with a red scarf") == "an orange alien with a red scarf"
    assert with_article("in a") == "in a"


def test_two_colours_can_be_told_apart() -> None:
    rng = np.random.default_rng(0)
    for _ in range(400):
        first, second = draw_colours(2, rng)
        assert np.linalg.norm(np.subtract(COLOURS[first], COLOURS[second])) > 0.2


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_changes_the_picture_and_is_the_same_for_the_same_seed(name: str) -> None:
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    first, second = (FLAWS[name](image, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == image.shape
    assert (first - image).abs().mean() > 0.03
    assert first.min() >= 0
    assert first.max() <= 1


def test_a_complete_caption_names_its_place_whatever_chance_says() -> None:
    for seed in range(60):
        said = caption("ghost", (), "lake", np.random.default_rng(seed), complete=True)
        assert said.endswith(PLACES["lake"].phrases)
