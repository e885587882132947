"""The vocabulary of motion: one registry of verbs, and the function words that modify or surround them."""

from __future__ import annotations

from functools import cache

VERBS: dict[str, tuple[str, ...]] = {
    "stand": ("stand", "pose", "wait", "idle"),
    "walk": ("walk", "stroll", "march", "stride", "pace", "wander", "strut"),
    "run": ("run", "jog", "sprint", "dash", "race"),
    "move": ("move", "go", "travel", "step"),
    "jump": ("jump", "leap", "hop", "bounce"),
    "jump off": (),
    "dance": ("dance", "groove", "boogie", "shimmy", "salsa"),
    "waltz": ("waltz", "vals", "valz"),
    "wave": ("wave", "greet"),
    "kick": ("kick",),
    "punch": ("punch", "box", "fight", "jab"),
    "turn around": ("turn", "spin", "rotate", "pivot", "twirl"),
    "bow": ("bow", "curtsy"),
    "squat": ("squat", "crouch"),
    "sneak": ("sneak", "creep", "tiptoe", "prowl"),
    "ski": ("ski", "skate"),
    "warm up": ("exercise", "stretch"),
}
"""Every verb that the procedural source knows, with its synonyms; two-word verbs have rules in ``text``."""

IRREGULAR = {
    "stood": "stand",
    "ran": "run",
    "went": "go",
    "goes": "go",
    "gone": "go",
    "leapt": "leap",
    "strode": "stride",
    "crept": "creep",
    "fought": "fight",
    "spun": "spin",
}

IMPLIED_TEMPO = {"stroll": "slowly", "wander": "slowly", "jog": "slowly", "sprint": "quickly", "dash": "quickly"}
"""Words that name both a verb and a tempo."""

TEMPOS = {
    "slowly": ("slowly", "slow", "leisurely", "gently", "calmly", "lazily", "carefully"),
    "quickly": ("quickly", "quick", "fast", "rapidly", "swiftly", "hastily", "hurriedly", "energetically", "briskly"),
}

STYLES = {
    "jumpy": ("jumpy", "bouncy", "energetic", "wild", "happy", "happily", "joyfully"),
    "shimmy": ("shimmy", "salsa", "belly"),
}
"""Dance styles."""

SIDEWAYS = {"left": ("left", "leftward", "leftwards"), "right": ("right", "rightward", "rightwards")}
STRAIGHT = {
    "forward": ("forward", "forwards", "ahead", "onward", "onwards"),
    "backward": ("backward", "backwards"),
}

LIMBS = ("hand", "hands", "arm", "arms", "leg", "legs", "foot", "feet", "fist", "fists")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS = _words(
    """
    a an the this that these those his her its their my your our one some each every
    """
)
PREPOSITIONS = _words(
    """
    in on at inside outside through across along near beside under over by behind between among amid beneath
    above around into onto from off past down up upon towards toward against within to with of for like as
    without
    """
)
PLACE_PREPOSITIONS = PREPOSITIONS - _words("with for like as without")
AUXILIARIES = _words(
    """
    is are was were be been am has have had can will does did do who that starts begins
    """
)
JOINERS = frozenset(["and", "then", "while", "but", "or", ",", ";", ".", "when"])
LIGHT_VERBS = _words(
    """
    do does doing did done perform performs performing performed make makes making made take takes taking took
    give gives giving throw throws throwing practice practices practicing practising have has having
    """
)
ADJECTIVES = _words(
    """
    red blue green black white yellow orange purple pink brown grey gray silver golden gold dark light bright
    big small tall short long old young two three four five many metal steel leather
    """
)


def forms(lemma: str) -> dict[str, str]:
    """Return each spelling of a regular verb and its kind: ``base``, ``s``, ``ing`` or ``ed``."""
    plain = lemma[:-1] if lemma.endswith("e") else lemma
    vowels = "aeiou"
    double = (
        len(lemma) > 2
        and lemma[-1] not in vowels + "wxyz"
        and lemma[-2] in vowels
        and lemma[-3] not in vowels
        and lemma != "box"
        and not (lemma.endswith("er") and len(lemma) > 4)  # "wandering": the last syllable is unstressed
    )
    # "squat": the u belongs to the q, so the last consonant doubles as well.
    stem = lemma + lemma[-1] if double or lemma == "squat" else plain
    past = lemma[:-1] + "i" if lemma.endswith("y") and lemma[-2] not in vowels else stem
    return {lemma: "base", third_person(lemma): "s", stem + "ing": "ing", past + "ed": "ed"}


def third_person(lemma: str) -> str:
    """Return the form that goes with "a person"."""
    if lemma.endswith(("s", "x", "z", "ch", "sh")):
        return lemma + "es"
    if lemma == "go":
        return "goes"
    if lemma.endswith("y") and lemma[-2] not in "aeiou":
        return lemma[:-1] + "ies"
    return lemma + "s"


@cache
def inflections() -> dict[str, tuple[str, str, str]]:
    """Return every known spelling: word to (verb, lemma, kind)."""
    table = {}
    for verb, lemmas in VERBS.items():
        for lemma in lemmas:
            table.update({word: (verb, lemma, kind) for word, kind in forms(lemma).items()})
    owner = {lemma: verb for verb, lemmas in VERBS.items() for lemma in lemmas}
    for word, lemma in IRREGULAR.items():
        table[word] = (owner[lemma], lemma, "s")
    return table
