"""From a prompt to the words of its motion, and from those words to an action.

``motion_text`` is what a learned model is given: somebody without looks, doing something nowhere. ``parse_action`` is what
the procedural source understands of it. Neither knows grammar; both follow a few rules about neighbouring words.
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
    PLACE_PREPOSITIONS,
    PREPOSITIONS,
    SIDEWAYS,
    STRAIGHT,
    STYLES,
    TEMPOS,
    inflections,
    third_person,
)

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
_FILLERS = frozenset(["now", "there", "here", "away", "in", "on", "at"])


@dataclass(frozen=True, slots=True)
class Action:
    """What a text asks for, as far as it is understood.

    ``verb`` is a key of ``vocabulary.VERBS`` or None; ``also`` are further known verbs; ``direction`` is forward, backward,
    left, right, circle or None; ``tempo`` is slowly, quickly or None; ``style`` is a way to dance; ``limb`` is left, right,
    both or None; ``understood`` are the words that all this was read from.
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

    Left and right of a movement are the picture's, as in "moves to the right" of a prompt; those of a hand or a leg are the
    character's own.
    """
    words = _words(text)
    found = _find_verbs(words)
    if not found:
        return Action(None, tempo=_tempo(words, 0), direction=_direction(words, 0)[0])
    verbs, first = [], found[0]
    for index in found:
        name = _name_verb(words, index)
        if name not in verbs:
            verbs.append(name)
    direction, heard = _direction(words, first + 1)
    lemma = inflections().get(words[first], ("", "", ""))[1]
    tempo = _tempo(words, first) or IMPLIED_TEMPO.get(lemma)
    style = next((s for s, names in STYLES.items() if any(w in names for w in words)), None)
    limb, limb_words = _limb(words)
    understood = [words[i] for i in found] + heard + limb_words
    understood += [w for w in words if any(w in names for names in TEMPOS.values())] if tempo else []
    return Action(verbs[0], direction, tempo, style, limb, tuple(verbs[1:]), tuple(dict.fromkeys(understood)))


def motion_text(prompt: str) -> str:
    """Return the prompt with its subject replaced by "a person" and the place dropped.

    A prompt in which no verb can be found gives "a person".
    """
    words = _words(prompt)
    start = _predicate(words)
    if start is None:
        return "a person"
    predicate = _drop_places(words[start:])
    if predicate and predicate[0] == "are":
        predicate[0] = "is"
    known = inflections().get(predicate[0]) if predicate else None
    if known and known[2] == "base":
        predicate[0] = third_person(known[1])
    return re.sub(r" ([,;.])", r"\1", " ".join(["a person", *predicate])).strip(" ,;.")


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'[a-z]+)?|[,;.]", text.lower().replace("\u2019", "'"))


def _at(words: list[str], index: int) -> str:
    return words[index] if 0 <= index < len(words) else ""


def _find_verbs(words: list[str]) -> list[int]:
    """Return the indices of the known verbs that are meant as such, the main one first."""
    table = inflections()
    level = {i: _verb_level(words, i) for i, w in enumerate(words) if w in table}
    level |= {i: 3 for i, w in enumerate(words) if _is_warm_up(words, i) and w.startswith("warm")}
    level |= {i: 3 for i, w in enumerate(words) if _is_jumping_jack(words, i)}
    best = max(level.values(), default=0)
    chosen = sorted(i for i, n in level.items() if n == best)
    if best < 3:
        return chosen[:1]
    return [i for k, i in enumerate(chosen) if not _is_noun_before_verb(words, i, chosen[k + 1 :])]


def _verb_level(words: list[str], index: int) -> int:
    """Return how surely a known word is a verb here: 3 it is one, 2 it is what somebody does, 1 it may be one."""
    kind = inflections()[words[index]][2]
    before, ahead = _at(words, index - 1), words[:index]
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
    """Tell a plural noun of the subject from a verb: "a guard with kicks walks" has its verb later, unjoined."""
    if inflections().get(words[index], ("", "", ""))[2] != "s":
        return False
    finite = [j for j in later if inflections().get(words[j], ("", "", ""))[2] == "s"]
    return bool(finite) and not any(w in JOINERS for w in words[index + 1 : finite[0]])


def _is_warm_up(words: list[str], index: int) -> bool:
    return words[index] in ("warm", "warms", "warming", "warmed") and _at(words, index + 1) == "up"


def _is_jumping_jack(words: list[str], index: int) -> bool:
    return words[index] == "jumping" and _at(words, index + 1) in ("jack", "jacks")


def _name_verb(words: list[str], index: int) -> str:
    if _is_warm_up(words, index) or _is_jumping_jack(words, index):
        return "warm up"
    verb = inflections()[words[index]][0]
    after = words[index + 1 : index + 4]
    if verb == "jump" and ("off" in after or after[:2] in (["down", "from"], ["from", "a"], ["from", "the"])):
        return "jump off"
    if verb in ("move", "walk") and _at(words, index + 1) == "around" and _at(words, index + 2) not in DETERMINERS:
        return "walk"
    return verb


def _direction(words: list[str], start: int) -> tuple[str | None, list[str]]:
    """Return the direction named from word ``start`` on, and the words that name it."""
    for index in range(start, len(words)):
        word, before, after = words[index], _at(words, index - 1), _at(words, index + 1)
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
    """Tell "to the left" and "walks right" from "his left hand", "right now" and "has left the room"."""
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
        before = _at(words, index - 1)
        if word in LIMBS and before in ("left", "right"):
            return before, [before, word]
        if word in LIMBS and word.endswith(("s", "feet")) and "both" in words[max(0, index - 2) : index]:
            return "both", ["both", word]
    return None, []


def _predicate(words: list[str]) -> int | None:
    """Return where the predicate begins, or None."""
    found = _find_verbs(words)
    light = next((i for i, w in enumerate(words) if w in LIGHT_VERBS and i > 0), None)
    start = found[0] if found else None
    if start is None or _verb_level_of(words, start) < 3:
        other = light if light is not None else _unknown_verb(words)
        start = other if other is not None else start
    if start is None:
        return None
    while start > 0 and (words[start - 1] in AUXILIARIES - {"who", "that"} or words[start - 1].endswith("ly")):
        start -= 1
    if start > 1 and words[start - 1] == "to" and words[start - 2] in AUXILIARIES:
        start -= 2
    return start


def _verb_level_of(words: list[str], index: int) -> int:
    return _verb_level(words, index) if words[index] in inflections() else 3


def _unknown_verb(words: list[str]) -> int | None:
    """Return the first word that looks like a verb in the present: after a noun, ending in -s or -ing."""
    for index in range(1, len(words)):
        word, before, after = words[index], words[index - 1], _at(words, index + 1)
        if before in DETERMINERS | PREPOSITIONS | ADJECTIVES | JOINERS or word in PREPOSITIONS | DETERMINERS | JOINERS:
            continue
        finite = word.endswith("s") and not word.endswith(_VERBLIKE_ENDINGS) and len(word) > 3
        follows = not after or after in DETERMINERS | PREPOSITIONS | JOINERS or after.endswith("ly")
        if (finite and follows) or (word.endswith("ing") and len(word) > 5) or before in ("is", "are"):
            return index
    return None


def _drop_places(words: list[str]) -> list[str]:
    """Return the predicate without its phrases of place; directions, tempo and further verbs stay."""
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
    word, after = words[index], _at(words, index + 1)
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
    """Return where a phrase of place ends: at a joiner before a verb, an adverb, a direction or another preposition."""
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
