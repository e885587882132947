"""Planning the pictures: balanced over characters and places, with held-out combinations for the test."""

from __future__ import annotations

import numpy as np

from latentman.train.scenes.captions import caption, with_quality
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.flaws import draw_flaw, name_flaw
from latentman.train.scenes.palette import draw_colours
from latentman.train.scenes.places import PLACES
from latentman.train.scenes.scene import ScenePlan, is_held_out

_CHARACTER_ORDER, _PLACE_ORDER, _DETAIL = 1, 2, 3
"""Random streams, combined with the seed and the number of a plan."""

_COLOUR_TRIES = 12


def plan_scenes(number: int, *, seed: int, first: int = 0, held_out: bool = False) -> list[ScenePlan]:
    """Return plans ``first`` to ``first + number - 1``; each depends only on the seed and its own number.

    Args:
        number: number of plans.
        seed: seed of all plans.
        first: number of the first plan.
        held_out: draw only combinations that are excluded from training (:func:`is_held_out`), always naming the place
            and without flaws; otherwise draw only the others. A character without colours and without a held-out place
            uses a training combination.
    """
    return [_plan(seed, index, held_out) for index in range(first, first + number)]


def _plan(seed: int, index: int, held_out: bool) -> ScenePlan:
    rng = np.random.default_rng([seed, index, _DETAIL, held_out])
    character = _dealt(list(CHARACTERS), seed, index, _CHARACTER_ORDER)
    places = list(PLACES)
    start = places.index(_dealt(places, seed, index, _PLACE_ORDER))
    place, colours = _combination(character, places[start:] + places[:start], rng, held_out)
    sentence = caption(character, colours, place, rng, complete=held_out)
    flaw = None if held_out else draw_flaw(rng)
    text = sentence if held_out else with_quality(sentence, rng) if flaw is None else name_flaw(sentence, rng)
    named = (*colours, None, None)
    return ScenePlan(
        character=character,
        colour=named[0],
        second_colour=named[1],
        place=place,
        caption=sentence,
        text=text,
        flaw=flaw,
        seed=int(rng.integers(2**31)),
    )


def _dealt(names: list[str], seed: int, index: int, stream: int) -> str:
    """Return the name at ``index`` of an endless sequence: every name once in each round, in random order."""
    order = np.random.default_rng([seed, index // len(names), stream]).permutation(len(names))
    return names[order[index % len(names)]]


def _combination(
    character: str, places: list[str], rng: np.random.Generator, held_out: bool
) -> tuple[str, tuple[str, ...]]:
    """Return the first of ``places``, and colours, whose combination is on the requested side of the split."""
    colours: tuple[str, ...] = ()
    for place in places:
        for _ in range(_COLOUR_TRIES):
            colours = draw_colours(CHARACTERS[character].colours, rng)
            if is_held_out(character, colours[0] if colours else None, place) == held_out:
                return place, colours
    # A character without colours has only one combination per place, and possibly none is held out.
    return places[0], colours
