"""The geometry of the bars on a run's page; ``bars.svg`` draws them in the colours of the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEFT, BASE, TALL = 44, 128, 118
"""In pixels: where the first bar begins, the y of the axis, and the height of the tallest possible bar."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A pair of frames: the place of its bar in pixels, its value or None, and whether its number is written below."""

    number: int
    middle: float
    x: float
    y: float
    width: float
    height: float
    value: float | None
    is_numbered: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """All bars of a plot, the ticks of its axis as (y, text), its width in pixels and its greatest tick."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[int, str], ...]
    width: int
    top: str


def nice_ceiling(value: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5, 10 times a power of ten that is not below ``value``; 1 for zero or less."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-12))


def pair_bars(values: Sequence[float | None]) -> Bars:
    """Return the bars of H_MSE per pair of frames.

    Args:
        values: one per pair; None where the pair has no value.
    """
    top = nice_ceiling(max((value for value in values if value is not None), default=1.0))
    step = min(64.0, 600 / max(1, len(values)))
    every = max(1, math.ceil(34 / step))
    bars = []
    for index, value in enumerate(values):
        x, height = LEFT + step * index, TALL * (value or 0.0) / top
        bars.append(
            Bar(
                number=index + 1,
                middle=round(x + step / 2, 1),
                x=round(x + step * 0.14, 1),
                y=round(BASE - height, 1),
                width=round(step * 0.72, 1),
                height=round(height, 1),
                value=value,
                is_numbered=index % every == 0,
            )
        )
    ticks = tuple((round(BASE - TALL * tick / 2), f"{top * tick / 2:g}") for tick in range(3))
    return Bars(tuple(bars), ticks, round(LEFT + step * len(values) + 6), f"{top:g}")
