"""The action in a text: verb, direction, tempo and manner, for the procedural source.

There is no full grammar, only a few rules about neighbouring words, which decide whether a word is a verb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from latentman.motion.vocabulary import (
    ADJECTIVES,
    AUXILIARIES,
    DETERMINERS,
    IMPLIED_TEMPO,
    JOINERS,
    LIGHT_VERBS,
    LIMBS,
    PREPOSITIONS,
    SIDEWAYS,
    STRAIGHT,
    STYLES,
    TEMPOS,
    inflections,
)

_FILLERS = frozenset(["now", "there", "here", "away", "in", "on", "at"])


@dataclass(frozen=True, slots=True)
class Action:
    """The action in a text, as far as it is understood.

    ``verb`` is a key of ``vocabulary.VERBS`` or None; ``also`` are further known verbs; ``direction`` is forward,
    backward, left, right, circle or None; ``tempo`` is slowly, quickly or None; ``style`` is a dance style; ``limb`` is
    left, right, both or None; ``understood`` are the words from which all this was read.
    """

    verb: str | None
    direction: str | None = None
    tempo: str | None = None
    style: str | None = None
    limb: str | None = None
    also: tuple[str, ...] = ()
    understood: tuple[str, ...] = ()


def parse_action(text: str) -> Action:
    """Return the verb, direction and tempo that a text asks for; a text without a known verb has verb None.

    Left and right of a movement refer to the picture, as in "moves to the right" in a prompt; left and right of a hand
    or a leg are the character's own.
    """
    words = split_words(text)
    found = find_verbs(words)
    if not found:
        return Action(None, tempo=_tempo(words, 0), direction=_direction(words, 0)[0])
    verbs, first = [], found[0]
    for index in found:
        name = _name_verb(words, index)
        if name not in verbs:
            verbs.append(name)
    # "dances a waltz": the more specific word is the action.
    if "waltz" in verbs:
        verbs = ["waltz", *(name for name in verbs if name not in ("waltz", "dance"))]
    direction, heard = _direction(words, first + 1)
    lemma = inflections().get(words[first], ("", "", ""))[1]
    tempo = _tempo(words, first) or IMPLIED_TEMPO.get(lemma)
    style = next((s for s, names in STYLES.items() if any(w in names for w in words)), None)
    limb, limb_words = _limb(words)
    understood = [words[i] for i in found] + heard + limb_words
    understood += [w for w in words if any(w in names for names in TEMPOS.values())] if tempo else []
    return Action(verbs[0], direction, tempo, style, limb, tuple(verbs[1:]), tuple(dict.fromkeys(understood)))


def is_style(word: str) -> bool:
    """Return whether a word names a dance style."""
    return any(word in names for names in STYLES.values())


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case; commas, semicolons and full stops are separate words."""
    return re.findall(r"[a-z]+(?:'[a-z]+)?|[,;.]", text.lower().replace("\u2019", "'"))


def word_at(words: list[str], index: int) -> str:
    """Return the word at an index, or an empty string beyond either end."""
    return words[index] if 0 <= index < len(words) else ""


def find_verbs(words: list[str]) -> list[int]:
    """Return the indices of the known words that are used as verbs, the main one first."""
    table = inflections()
    level = {i: verb_level(words, i) for i, w in enumerate(words) if w in table}
    level |= {i: 3 for i, w in enumerate(words) if _is_warm_up(words, i) and w.startswith("warm")}
    level |= {i: 3 for i, w in enumerate(words) if _is_jumping_jack(words, i)}
    best = max(level.values(), default=0)
    chosen = sorted(i for i, n in level.items() if n == best)
    if best < 3:
        return chosen[:1]
    return [i for k, i in enumerate(chosen) if not _is_noun_before_verb(words, i, chosen[k + 1 :])]


def verb_level(words: list[str], index: int) -> int:
    """Return how certainly a known word is a verb here: 3 certainly, 2 as an activity, 1 possibly."""
    kind = inflections()[words[index]][2]
    before, ahead = word_at(words, index - 1), words[:index]
    governed = before in DETERMINERS or before in PREPOSITIONS - {"to"} or before in ADJECTIVES
    light = any(w in LIGHT_VERBS for w in ahead[-5:])
    if light and (governed or kind == "base"):
        return 2
    if governed:
        return 1
    if kind == "base":
        commanded = not before or before in JOINERS or before in AUXILIARIES or before == "to" or before.endswith("ly")
        many = before.endswith("s") or before in ("people", "men", "women", "children", "they", "i", "you", "we")
        return 3 if commanded or many else 1
    return 3 if kind in ("s", "ing") or before in AUXILIARIES or kind == "ed" else 1


def _is_noun_before_verb(words: list[str], index: int, later: list[int]) -> bool:
    """Return whether a word is a noun of the subject: "a guard with kicks walks" has a later verb."""
    if inflections().get(words[index], ("", "", ""))[2] != "s":
        return False
    finite = [j for j in later if inflections().get(words[j], ("", "", ""))[2] == "s"]
    return bool(finite) and not any(w in JOINERS for w in words[index + 1 : finite[0]])


def _is_warm_up(words: list[str], index: int) -> bool:
    return words[index] in ("warm", "warms", "warming", "warmed") and word_at(words, index + 1) == "up"


def _is_jumping_jack(words: list[str], index: int) -> bool:
    return words[index] == "jumping" and word_at(words, index + 1) in ("jack", "jacks")


def _name_verb(words: list[str], index: int) -> str:
    if _is_warm_up(words, index) or _is_jumping_jack(words, index):
        return "warm up"
    verb = inflections()[words[index]][0]
    after = words[index + 1 : index + 4]
    if verb == "jump" and ("off" in after or after[:2] in (["down", "from"], ["from", "a"], ["from", "the"])):
        return "jump off"
    if (
        verb in ("move", "walk")
        and word_at(words, index + 1) == "around"
        and word_at(words, index + 2) not in DETERMINERS
    ):
        return "walk"
    return verb


def _direction(words: list[str], start: int) -> tuple[str | None, list[str]]:
    """Return the first direction named from word ``start`` on, and the words that name it."""
    for index in range(start, len(words)):
        word, before, after = words[index], word_at(words, index - 1), word_at(words, index + 1)
        for direction, names in STRAIGHT.items():
            if word in names:
                return direction, [word]
        if word == "back" and before in inflections() and after not in ("flip", "and"):
            return "backward", [word]
        if word in ("circle", "circles") and any(w in ("in", "around") for w in words[max(0, index - 3) : index]):
            return "circle", [word]
        if word == "sideways":
            return "left", [word]
        for direction, names in SIDEWAYS.items():
            if word in names and _is_direction(before, after):
                return direction, [word]
    return None, []


def _is_direction(before: str, after: str) -> bool:
    """Distinguish "to the left" and "walks right" from "his left hand", "right now" and "has left the room"."""
    pointed = before in ("the", "to", "his", "her", "its", "their") or before in inflections() or before.endswith("ly")
    ends = not after or after in JOINERS or after in PREPOSITIONS or after.endswith("ly") or after in ("side", "fast")
    return pointed and ends and (before == "the" or after not in _FILLERS or before in inflections())


def _tempo(words: list[str], verb: int) -> str | None:
    """Return the tempo that is named: an adverb anywhere, an adjective such as "fast" only from the verb on."""
    for index, word in enumerate(words):
        for tempo, names in TEMPOS.items():
            if word in names and (word.endswith("ly") or index > verb):
                return tempo
    return None


def _limb(words: list[str]) -> tuple[str | None, list[str]]:
    for index, word in enumerate(words):
        before = word_at(words, index - 1)
        if word in LIMBS and before in ("left", "right"):
            return before, [before, word]
        if word in LIMBS and word.endswith(("s", "feet")) and "both" in words[max(0, index - 2) : index]:
            return "both", ["both", word]
    return None, []
