"""The measurements of ``latentman bench solver``, and their lookup."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from latentman.bench.solver.measure import PLAIN, Figures

CLIP_SIZE = 256
"""The grid on which a whole sequence is timed: the grid of the paper."""


@dataclass(frozen=True, slots=True)
class Case:
    """The problems of one size and flavour: of all parts in ``pairs`` pairs of frames, which ``problems`` describes."""

    size: int
    flavour: str
    pairs: int
    body_pixels: float
    largest_part: int
    parts: float
    products: float
    unequal: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A solver's figures on a case."""

    case: Case
    solver: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Clip:
    """Wall seconds of the search over a whole clip of 8 frames on the grid of 256."""

    flavour: str
    solver: str
    workers: int
    seconds: float


def label(solver: str) -> str:
    """Return the displayed name of a solver."""
    return "scipy (plain)" if solver == PLAIN else solver


def find(measured: Sequence[Measured], solver: str, size: int, flavour: str) -> Measured | None:
    """Return the measurement of a solver on a case; None if there is none."""
    return next((m for m in measured if (m.solver, m.case.size, m.case.flavour) == (solver, size, flavour)), None)


def seconds(measured: Sequence[Measured], solver: str, size: int, flavour: str) -> float | None:
    """Return CPU seconds for a pair of frames; None if not measured."""
    found = find(measured, solver, size, flavour)
    return None if found is None else found.figures.seconds / found.case.pairs


def growth(measured: Sequence[Measured], solver: str, sizes: tuple[int, int], flavour: str) -> float | None:
    """Return the exponent e of seconds ~ pixels ** e between two sizes; None if one of them was not measured."""
    small, large = (find(measured, solver, size, flavour) for size in sizes)
    if small is None or large is None:
        return None
    return math.log(large.figures.seconds / small.figures.seconds) / math.log(
        large.case.body_pixels / small.case.body_pixels
    )


def largest_difference(measured: Sequence[Measured], solver: str) -> float | None:
    """Return the largest relative difference of a solver's total cost from plain SciPy's; None if it matches less.

    Positive means a higher cost. Also None if there is nothing to compare with.
    """
    differences = []
    for m in measured:
        reference = find(measured, PLAIN, m.case.size, m.case.flavour)
        if m.solver != solver or reference is None:
            continue
        if m.figures.matched < m.figures.possible:
            return None
        differences.append(m.figures.cost / reference.figures.cost - 1)
    return max(differences, key=abs, default=None)
