"""Captions for clips of the procedural source: every known verb, in many phrasings.

The clip is made from the same order as the caption, so the two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentman.motion.vocabulary import IMPLIED_TEMPO, VERBS, forms, third_person

SUBJECTS = ("a person", "someone", "a man", "a woman", "the person", "somebody", "a human", "a figure")
_TEMPO = {"slowly": ("slowly", "gently"), "quickly": ("quickly", "fast"), None: ("",)}

_MANNERS: dict[str, tuple[str, ...]] = {
    "walk": ("", "forward", "backward", "in a circle"),
    "run": ("", "forward", "backward", "in a circle"),
    "move": ("forward", "backward"),
    "sneak": ("", "forward"),
    "jump": ("", "in place", "forward", "backward", "up and down"),
    "dance": ("", "salsa", "happily"),
    "wave": ("", "with the left hand", "with the right hand", "with both hands"),
    "kick": ("", "with the left leg", "with the right leg", "a ball"),
    "punch": ("", "with the left hand", "with the right hand"),
    "turn around": ("around",),
}
"""Complements of verbs; other verbs have none.

No movement goes left or right: in prompts these are the picture's sides, in captions of recorded motion the person's.
"""

_PREDICATES = {
    "jump off": (("jumps off a wall", "jumping off a wall"), ("jumps down from a box", "jumping down from a box")),
    "warm up": (("warms up", "warming up"), ("does jumping jacks", "doing jumping jacks"), ("exercises", "exercising")),
    "stand": (("stands", "standing"), ("stands still", "standing still"), ("waits", "waiting")),
}
"""Phrases of verbs that are irregular."""


@dataclass(frozen=True, slots=True)
class Order:
    """The content of a procedural clip: a verb of the vocabulary, its complement, and a tempo."""

    verb: str
    manner: str
    tempo: str | None

    @property
    def category(self) -> str:
        """The category of its clips."""
        return " ".join(part for part in (self.verb, self.manner, self.tempo) if part)


def orders() -> list[Order]:
    """Return all orders for the procedural source."""
    return [
        Order(verb, manner, tempo)
        for verb in VERBS
        for manner in _MANNERS.get(verb, ("",))
        for tempo in ((None,) if verb in ("stand", "jump off") else _TEMPO)
    ]


def phrases(order: Order) -> list[str]:
    """Return the predicates that express an order, without a subject."""
    verbs = _PREDICATES.get(order.verb) or _inflected(order.verb)
    said = [(verb, adverb) for pair in verbs for adverb in _TEMPO[order.tempo] for verb in (pair[0], f"is {pair[1]}")]
    return [" ".join(part for part in (verb, order.manner, adverb) if part) for verb, adverb in said]


def captions(order: Order, rng: np.random.Generator, count: int) -> list[str]:
    """Return up to ``count`` different captions of an order, drawn from ``rng``."""
    said = phrases(order)
    chosen = rng.choice(len(said), size=min(count, len(said)), replace=False)
    return sorted({f"{SUBJECTS[rng.integers(len(SUBJECTS))]} {said[index]}" for index in chosen})


def _inflected(verb: str) -> list[tuple[str, str]]:
    lemmas = [lemma for lemma in VERBS[verb] if lemma not in {*IMPLIED_TEMPO, "salsa", "vals", "valz"}]
    return [(third_person(lemma), next(w for w, kind in forms(lemma).items() if kind == "ing")) for lemma in lemmas]
