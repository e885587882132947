"""Captions: true, grammatical and varied."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from latentman.train.scenes.captions import QUALITY, VERBS, caption, describe, with_article, with_quality
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.palette import COLOURS
from latentman.train.scenes.places import PLACES

SEEDS = range(60)


@pytest.mark.parametrize(
    ("phrase", "written"),
    [
        ("a orange alien with a red scarf", "an orange alien with a red scarf"),
        ("a soldier with a orange scarf", "a soldier with an orange scarf"),
        ("an astronaut", "an astronaut"),
        ("a man in a uniform", "a man in a uniform"),
        ("in a", "in a"),
    ],
)
def test_the_article_agrees_with_the_next_word(phrase: str, written: str) -> None:
    assert with_article(phrase) == written


@pytest.mark.parametrize("character", CHARACTERS)
def test_every_colour_gets_the_right_article(character: str) -> None:
    for colour, second in (("orange", "red"), ("red", "orange")):
        named = (colour, second)[: CHARACTERS[character].colours]
        for seed in range(12):
            words = describe(character, named, np.random.default_rng(seed)).split()
            for article, after in itertools.pairwise(words):
                if article in ("a", "an"):
                    vowel = after[0] in "aeio" or after == "undead"
                    assert article == ("an" if vowel else "a"), " ".join(words)


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_character_is_named_with_all_its_colours(character: str) -> None:
    own = CHARACTERS[character]
    named = ("teal", "pink")[: own.colours]
    said = {describe(character, named, np.random.default_rng(seed)) for seed in SEEDS}
    written = dict(zip(("colour", "second"), named, strict=False))
    assert said == {with_article(phrase.format(**written)) for phrase in own.phrases}
    for sentence in said:
        assert "{" not in sentence
        assert all(colour in sentence.split() for colour in named)


def test_no_two_characters_share_a_phrase() -> None:
    phrases = [phrase for character in CHARACTERS.values() for phrase in character.phrases]
    assert len(set(phrases)) == len(phrases)


@pytest.mark.parametrize("place", PLACES)
def test_a_complete_caption_always_names_its_place(place: str) -> None:
    said = [caption("ghost", (), place, np.random.default_rng(seed), complete=True) for seed in SEEDS]
    assert all(sentence.endswith(PLACES[place].phrases) for sentence in said)
    assert {phrase for phrase in PLACES[place].phrases if any(sentence.endswith(phrase) for sentence in said)} == set(
        PLACES[place].phrases
    )


def test_other_captions_usually_name_their_place_and_never_a_different_one() -> None:
    said = [caption("mummy", (), "lake", np.random.default_rng(seed)) for seed in range(1000)]
    rest = [sentence for sentence in said if not sentence.endswith(PLACES["lake"].phrases)]
    assert 0.06 < len(rest) / len(said) < 0.14
    others = [phrase for place in PLACES.values() for phrase in place.phrases]
    assert not any(sentence.endswith(phrase) for sentence in rest for phrase in others)


def test_a_caption_contains_a_character_a_verb_and_a_place_and_nothing_else() -> None:
    starts = {phrase.format(colour="red", second="blue") for phrase in CHARACTERS["robot"].phrases}
    ends = {"", *(" " + phrase for phrase in PLACES["moon"].phrases)}
    possible = {start + verb + end for start in starts for verb in ("", *(" " + v for v in VERBS)) for end in ends}
    said = [caption("robot", ("red", "blue"), "moon", np.random.default_rng(seed)) for seed in range(500)]
    assert set(said) <= possible
    assert len(set(said)) > 100
    assert {verb for verb in VERBS if any(f" {verb}" in sentence for sentence in said)} == set(VERBS)


def test_the_same_seed_gives_the_same_sentence() -> None:
    first, second = (caption("king", ("gold", "black"), "castle", np.random.default_rng(4)) for _ in range(2))
    assert first == second


def test_quality_words_follow_some_captions() -> None:
    rng = np.random.default_rng(0)
    said = Counter(with_quality("a ghost", rng) for _ in range(2000))
    assert set(said) == {"a ghost", *("a ghost" + words for words in QUALITY)}
    assert 0.35 < 1 - said["a ghost"] / 2000 < 0.45


def test_no_other_word_contains_a_colour_name() -> None:
    fixed = [phrase for place in PLACES.values() for phrase in place.phrases] + list(VERBS) + list(QUALITY)
    told = {word for phrase in fixed for word in phrase.replace(",", " ").split()}
    # "in a white studio" and "in a green field" are named by their colour.
    assert told & set(COLOURS) == {"white", "green"}
