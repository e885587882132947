"""Extracting motion from a prompt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.motion.text import motion_text, parse_action
from latentman.motion.vocabulary import DETERMINERS, VERBS, forms, inflections, third_person

REWRITES = {
    "a superhero in a red and blue suit walks in a street": "a person walks",
    "an astronaut jumps on the moon surface": "a person jumps",
    "A mechanical cyborg moves to the left on a sandy beach": "a person moves to the left",
    "A ballerina performing a jumpy dance in a studio": "a person performing a jumpy dance",
    "A man shimmy dances in a studio": "a person shimmy dances",
    "A cyberbunk robot jumps off a grass pitch": "a person jumps off",
    "a tiger man with black stripes dances in the desert": "a person dances",
    "a dancing bear walks slowly in a circle in a park": "a person walks slowly in a circle",
    "two dancers waltz in a hall": "a person waltzes",
    "people are walking down the street": "a person is walking",
    "a cat juggles in a garden": "a person juggles",
    "dance on a beach": "a person dances",
    "a knight in armor dances on a beach and then waves at the crowd": "a person dances and then waves",
    "a light blue robot runs forward on the road": "a person runs forward",
    "a robot who is turning around in a lab, cinematic, 4k": "a person is turning around",
    "": "a person",
    "\u65e5\u672c\u8a9e": "a person",
}


@pytest.mark.parametrize(("prompt", "expected"), REWRITES.items())
def test_the_subject_becomes_a_person_and_the_place_is_removed(prompt, expected):
    assert motion_text(prompt) == expected


@pytest.mark.parametrize(
    ("text", "verb", "direction", "tempo"),
    [
        ("a person walks", "walk", None, None),
        ("a robot is walking slowly to the right", "walk", "right", "slowly"),
        ("a skier running on a snowy road", "run", None, None),
        ("he ran away quickly", "run", None, "quickly"),
        ("an athlete sprints", "run", None, "quickly"),
        ("a spy jumped off a cliff", "jump off", None, None),
        ("a spy jumps down from a wall", "jump off", None, None),
        ("a stormtrooper dances valz", "waltz", None, None),
        ("a knight warms up before a battle", "warm up", None, None),
        ("a girl doing jumping jacks", "warm up", None, None),
        ("a monk takes a bow on a stage", "bow", None, None),
        ("a soldier does squats in a gym", "squat", None, None),
        ("a man goes backwards", "move", "backward", None),
        ("a man steps back", "move", "backward", None),
        ("a man runs in circles", "run", "circle", None),
        ("a man turns left", "turn around", "left", None),
        ("a man moves", "move", None, None),
    ],
)
def test_verb_direction_and_tempo_are_read(text, verb, direction, tempo):
    action = parse_action(text)
    assert (action.verb, action.direction, action.tempo) == (verb, direction, tempo)


@pytest.mark.parametrize(
    ("text", "verb", "direction"),
    [
        ("a robot in red light walks", "walk", None),
        ("a man waves his left hand", "wave", None),
        ("a woman who has left the house walks", "walk", None),
        ("a man walks right now", "walk", None),
        ("a surfer in the ocean waves runs", "run", None),
        ("a man with a long bow runs", "run", None),
        ("a dancing bear kicks", "kick", None),
        ("a man with a fast car walks", "walk", None),
    ],
)
def test_words_inside_nouns_have_no_effect(text, verb, direction):
    action = parse_action(text)
    assert (action.verb, action.direction, action.tempo) == (verb, direction, None)


def test_a_named_limb_is_the_characters_own():
    assert parse_action("a man waves his left hand").limb == "left"
    assert parse_action("a man kicks with the right leg").limb == "right"
    assert parse_action("a man waves both arms").limb == "both"


def test_a_second_verb_is_kept_separately():
    action = parse_action("a person walks and waves")
    assert (action.verb, action.also) == ("walk", ("wave",))


def test_the_understood_words_are_returned():
    assert set(parse_action("a person walks slowly to the left").understood) == {"walks", "slowly", "left"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_inflection_of_every_verb_is_understood(verb):
    for lemma in VERBS[verb]:
        for word, kind in forms(lemma).items():
            subject = "people" if kind == "base" else "a person is" if kind == "ing" else "a person"
            assert parse_action(f"{subject} {word}").verb == verb


def test_no_word_means_two_verbs():
    lemmas = [lemma for words in VERBS.values() for lemma in words]
    assert len(lemmas) == len(set(lemmas))


@pytest.mark.parametrize(
    ("lemma", "inflected"),
    [
        ("wave", ["waves", "waving", "waved"]),
        ("jog", ["jogs", "jogging", "jogged"]),
        ("box", ["boxes", "boxing", "boxed"]),
        ("squat", ["squats", "squatting", "squatted"]),
        ("punch", ["punches", "punching", "punched"]),
        ("bow", ["bows", "bowing", "bowed"]),
    ],
)
def test_regular_verbs_are_spelled_as_english_does(lemma, inflected):
    assert set(inflected) <= set(forms(lemma))
    assert third_person(lemma) == inflected[0]


WORDS = st.sampled_from(
    [
        *inflections(),
        *DETERMINERS,
        *["in", "on", "to", "left", "right", "slowly", "and", ",", ".", "up", "off", "is", "red"],
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_gives_a_person_and_a_known_verb_or_none(text):
    rewritten = motion_text(text)
    assert rewritten.startswith("a person")
    assert len(rewritten) <= len(text) + len("a person  es")
    action = parse_action(text)
    assert action.verb is None or action.verb in VERBS
    assert action.direction in (None, "left", "right", "forward", "backward", "circle")
    assert set(action.understood) <= set("".join(c if c.isalpha() or c == "'" else " " for c in text.lower()).split())


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, max_size=10).map(" ".join))
def test_rewriting_is_idempotent_in_meaning(text):
    once = motion_text(text)
    assert parse_action(once) == parse_action(once.upper())
