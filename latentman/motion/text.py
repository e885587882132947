"""From a prompt to its motion text: "a person" without a description, the action, and no place."""

from __future__ import annotations

import re

from latentman.motion.action import Action, find_verbs, is_style, parse_action, split_words, verb_level, word_at
from latentman.motion.vocabulary import (
    ADJECTIVES,
    AUXILIARIES,
    DETERMINERS,
    JOINERS,
    LIGHT_VERBS,
    PLACE_PREPOSITIONS,
    PREPOSITIONS,
    SIDEWAYS,
    STRAIGHT,
    inflections,
    third_person,
)

__all__ = ["Action", "motion_text", "parse_action"]

_KEPT_PHRASES = (
    "in a circle",
    "in circles",
    "in place",
    "in the air",
    "in slow motion",
    "in a hurry",
    "on the spot",
    "on one leg",
    "on tiptoe",
    "from side to side",
    "up and down",
    "jumping jacks",
)
_VERBLIKE_ENDINGS = ("ss", "us", "is", "'s")


def motion_text(prompt: str) -> str:
    """Return the prompt with its subject replaced by "a person" and without its place.

    A prompt without a recognisable verb gives "a person".
    """
    words = split_words(prompt)
    start = _predicate(words)
    if start is None:
        return "a person"
    predicate = _drop_places(words[start:])
    if predicate and predicate[0] == "are":
        predicate[0] = "is"
    known = inflections().get(predicate[0]) if predicate else None
    styled = len(predicate) > 1 and is_style(predicate[0]) and predicate[1] in inflections()
    if known and known[2] == "base" and not styled:
        predicate[0] = third_person(known[1])
    return re.sub(r" ([,;.])", r"\1", " ".join(["a person", *predicate])).strip(" ,;.")


def _predicate(words: list[str]) -> int | None:
    """Return the start of the predicate, or None."""
    found = find_verbs(words)
    light = next((i for i, w in enumerate(words) if w in LIGHT_VERBS and i > 0), None)
    start = found[0] if found else None
    if start is None or _verb_level_of(words, start) < 3:
        other = light if light is not None else _unknown_verb(words)
        start = other if other is not None else start
    if start is None:
        return None
    while start > 0 and (words[start - 1] in AUXILIARIES - {"who", "that"} or words[start - 1].endswith("ly")):
        start -= 1
    if start > 0 and is_style(words[start - 1]):
        start -= 1
    if start > 1 and words[start - 1] == "to" and words[start - 2] in AUXILIARIES:
        start -= 2
    return start


def _verb_level_of(words: list[str], index: int) -> int:
    return verb_level(words, index) if words[index] in inflections() else 3


def _unknown_verb(words: list[str]) -> int | None:
    """Return the first word that looks like a present-tense verb: after a noun, ending in -s or -ing."""
    for index in range(1, len(words)):
        word, before, after = words[index], words[index - 1], word_at(words, index + 1)
        if before in DETERMINERS | PREPOSITIONS | ADJECTIVES | JOINERS or word in PREPOSITIONS | DETERMINERS | JOINERS:
            continue
        finite = word.endswith("s") and not word.endswith(_VERBLIKE_ENDINGS) and len(word) > 3
        follows = not after or after in DETERMINERS | PREPOSITIONS | JOINERS or after.endswith("ly")
        if (finite and follows) or (word.endswith("ing") and len(word) > 5) or before in ("is", "are"):
            return index
    return None


def _drop_places(words: list[str]) -> list[str]:
    """Return the predicate without its phrases of place; directions, tempo and further verbs are kept."""
    kept: list[str] = []
    index = 0
    while index < len(words):
        phrase = next((p.split() for p in _KEPT_PHRASES if words[index : index + len(p.split())] == p.split()), None)
        if phrase is None and _is_place(words, index):
            if words[index] == "off" and kept:
                kept.append("off")
            index = _end_of_phrase(words, index + 1)
            continue
        taken = phrase or [words[index]]
        kept += taken
        index += len(taken)
    while kept and kept[-1] in JOINERS:
        kept.pop()
    return kept


def _is_place(words: list[str], index: int) -> bool:
    word, after = words[index], word_at(words, index + 1)
    if word not in PLACE_PREPOSITIONS or not after or after in JOINERS:
        return False
    if word in ("up", "down", "around", "off", "over", "past", "by", "along"):
        return after in DETERMINERS or after in ADJECTIVES or (word == "off" and bool(after))
    if word == "to":
        return after in DETERMINERS and not _names_direction(words[index : index + 3])
    return word != "of" and not _names_direction(words[index : index + 3])


def _names_direction(words: list[str]) -> bool:
    return any(w in names for w in words for names in (SIDEWAYS | STRAIGHT).values())


def _end_of_phrase(words: list[str], index: int) -> int:
    """Return the end of a phrase of place: a joiner before a verb, an adverb, a direction or another preposition."""
    table = inflections()
    while index < len(words):
        word = words[index]
        ahead = words[index + 1 : index + 3]
        joins = word in JOINERS and any(w in table or w.endswith(("ing", "ly")) for w in ahead)
        steers = word.endswith("ly") or word in (
            "forward",
            "backward",
            "forwards",
            "backwards",
            "fast",
            "while",
            "then",
        )
        other = word in PREPOSITIONS - {"of"}
        if joins or steers or other:
            break
        index += 1
    return index
