"""The colours named in the world's captions, and the colours of skin and hair."""

from __future__ import annotations

import numpy as np

from latentman.types import Array

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.80, 0.08, 0.08),
    "blue": (0.10, 0.22, 0.78),
    "green": (0.10, 0.55, 0.16),
    "yellow": (0.92, 0.80, 0.10),
    "orange": (0.93, 0.45, 0.07),
    "purple": (0.48, 0.12, 0.62),
    "pink": (0.93, 0.45, 0.65),
    "white": (0.92, 0.92, 0.92),
    "black": (0.06, 0.06, 0.07),
    "gray": (0.48, 0.48, 0.50),
    "brown": (0.40, 0.24, 0.12),
    "gold": (0.85, 0.65, 0.18),
    "silver": (0.72, 0.74, 0.78),
    "teal": (0.06, 0.52, 0.52),
}
"""Name to RGB in 0 to 1; the order defines the labels."""

SKIN = ((0.93, 0.76, 0.65), (0.80, 0.60, 0.46), (0.55, 0.38, 0.27), (0.36, 0.24, 0.17))

HAIR = ((0.10, 0.07, 0.05), (0.30, 0.18, 0.08), (0.75, 0.58, 0.28), (0.55, 0.20, 0.08), (0.70, 0.70, 0.70))

_TOO_ALIKE = ({"white", "silver"}, {"gray", "silver"}, {"yellow", "gold"}, {"orange", "gold"}, {"brown", "black"})
"""Pairs of main and second colour that are avoided because they are too similar."""


def shade_of(name: str, rng: np.random.Generator) -> Array:
    """Return RGB (3,) of one character's shade of a colour: slightly lighter or darker than the named one."""
    colour = np.array(COLOURS[name]) * rng.uniform(0.88, 1.08) + rng.normal(0, 0.015, 3)
    return np.asarray(np.clip(colour, 0.02, 0.98))


def draw_colours(count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Return ``count`` (0 to 2) different, distinguishable colour names."""
    names = list(COLOURS)
    chosen = [names[rng.integers(len(names))] for _ in range(min(count, 1))]
    if count == 2:
        others = [n for n in names if n != chosen[0] and {n, chosen[0]} not in _TOO_ALIKE]
        chosen.append(others[rng.integers(len(others))])
    return tuple(chosen)


def nearest_colour(colour: Array) -> str:
    """Return the name of the colour nearest to RGB (3,)."""
    return min(COLOURS, key=lambda name: float(np.linalg.norm(np.array(COLOURS[name]) - colour)))
