"""Names of joints without what differs between tools: prefixes, suffixes, case, separators and the spelling of sides.

``mixamorig:LeftUpLeg``, ``Character1_LeftUpLeg``, ``left_up_leg``, ``UpLeg.L`` and ``LUpLeg`` all become ``L upleg``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SIDES = {"left": "L", "l": "L", "lft": "L", "right": "R", "r": "R", "rgt": "R"}
_AFFIXES = (("left", "L"), ("right", "R"), ("l", "L"), ("r", "R"))
_MOST_PREFIXES = 4

_SHARED = 0.7
"""Part of a file's names that begin, or end, with a word for it to say nothing about any single joint."""

_FEWEST = 8
"""Joints that a file needs before a word that most of them share is dropped."""

_KNOWN_PREFIXES = re.compile(
    r"^(?:mixamorig\d*|character\d*|armature\d*|skeleton\d*|valve biped|bip\d+|bip(?= [lrc] )|cc base|j bip|def|"
    r"[mfn] avg|xn skel) (?=.)"
)
"""Words that well-known tools put in front of every name; removed even where only some of the joints have them."""


def canonical_names(names: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the canonical names of all joints of a file, in their order.

    Args:
        names: the joints of the file.
        known: joints' names without their side, such as "upleg", by which "lupleg" is read as a left one.
    """
    words = [_words(re.split(r"[:|]", name)[-1] or name) for name in names]
    if len(names) >= _FEWEST:
        # The ends of BVH files have names that were made from their parents'.
        words = _without_shared(words, [each for each in words if each and each[-1] != "end"])
    return [_canonical(each, known) for each in words]


def canonical(name: str, known: Collection[str] = ()) -> str:
    """Return the canonical name of one joint, looked at by itself."""
    return _canonical(_words(name.split(":")[-1] or name), known)


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case: split at separators and where the case changes."""
    return _BOUNDARY.sub(" ", re.sub(r"[^A-Za-z0-9]+", " ", name)).lower().split()


def _without_shared(words: list[list[str]], voters: list[list[str]]) -> list[list[str]]:
    """Remove the words that most voters begin with, then a word or a number that most of them end with."""
    if not voters:
        return words
    enough = _SHARED * len(voters)
    shared, depth = set(), 0
    while depth < _MOST_PREFIXES:
        first, count = Counter(each[depth] for each in voters if len(each) > depth).most_common(1)[0]
        if first in _SIDES or count < enough:
            break
        shared.add(first)
        depth += 1
    last, count = Counter(each[-1] for each in voters).most_common(1)[0]
    numbered = sum(len(each) > 1 and each[-1].isdigit() for each in voters)

    def shorter(each: list[str]) -> list[str]:
        while len(each) > 1 and each[0] in shared:
            each = each[1:]
        if len(each) > 1 and (
            (numbered >= enough and each[-1].isdigit()) or (count >= enough and last not in _SIDES and each[-1] == last)
        ):
            each = each[:-1]
        return each

    return [shorter(each) for each in words]


def _canonical(words: list[str], known: Collection[str]) -> str:
    text = " ".join(words)
    while (shorter := _KNOWN_PREFIXES.sub("", text)) != text:
        text = shorter
    words = text.split()
    if len(words) > 1 and words[0] in ("c", "center", "centre"):
        words = words[1:]
    place = next((i for i, word in enumerate(words) if word in _SIDES and len(words) > 1), None)
    if place is not None:
        return f"{_SIDES[words[place]]} {_joined(words[:place] + words[place + 1 :])}"
    plain = _joined(words)
    for affix, side in _AFFIXES:
        for rest in (plain.removeprefix(affix), plain.removesuffix(affix)):
            if rest != plain and rest in known:
                return f"{side} {rest}"
    return plain


def _joined(words: list[str]) -> str:
    """Return words as one, numbers without leading zeros: "spine", "01" becomes "spine1"."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", "".join(words))
