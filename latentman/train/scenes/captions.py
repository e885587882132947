"""The captions of the world: character, action and place, in varying words."""

from __future__ import annotations

import numpy as np

from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.places import PLACES

VERBS = (
    "walks", "runs", "jumps", "dances", "waves", "kicks", "punches", "bows", "is standing", "stands", "is walking",
    "is running", "is dancing", "is jumping", "moves to the right", "moves to the left", "turns around", "warms up",
    "dances a waltz", "jogs", "squats", "sneaks", "performs a dance", "warms up before a battle",
)  # fmt: skip

QUALITY = (
    ", best quality",
    ", best quality, extremely detailed, HD, masterpiece",
    ", detailed, high quality",
    ", 8K, HDR, ultra-realistic, high quality",
)

QUALITY_SHARE, VERB_SHARE, PLACE_SHARE = 0.4, 0.75, 0.9
"""Shares of captions with quality words, a verb, a place."""


def describe(character: str, colours: tuple[str, ...], rng: np.random.Generator) -> str:
    """Return a phrase for a character in its colours."""
    phrases = CHARACTERS[character].phrases
    named = dict(zip(("colour", "second"), colours, strict=False))
    return with_article(phrases[int(rng.integers(len(phrases)))].format(**named))


def caption(
    character: str, colours: tuple[str, ...], place: str, rng: np.random.Generator, *, complete: bool = False
) -> str:
    """Return a sentence; with ``complete`` it always names the place."""
    words = [describe(character, colours, rng)]
    if rng.random() < VERB_SHARE:
        words.append(VERBS[int(rng.integers(len(VERBS)))])
    phrases = PLACES[place].phrases
    where = phrases[0] if rng.random() < 0.6 else phrases[int(rng.integers(len(phrases)))]
    if rng.random() < PLACE_SHARE or complete:
        words.append(where)
    return " ".join(words)


def with_article(phrase: str) -> str:
    """Return a phrase whose every "a" before a vowel is "an"."""
    words = phrase.split(" ")
    following = [*words[1:], ""]
    return " ".join(
        "an" if word == "a" and after[:1] in "aeio" and after else word
        for word, after in zip(words, following, strict=True)
    )


def with_quality(text: str, rng: np.random.Generator) -> str:
    """Return a caption, followed by quality words for a share of the pictures."""
    if rng.random() >= QUALITY_SHARE:
        return text
    return text + QUALITY[int(rng.integers(len(QUALITY)))]
