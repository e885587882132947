"""One measurement of ``latentman bench solver``, in a process of its own: CPU seconds, memory, proofs.

``python -m latentman.bench.solver.measure PROBLEMS SOLVER ...`` prints JSON. A fresh process for every measurement is
what makes its peak of memory its own; little is imported here, so that the peak of the imports stays below.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from latentman.assignment.certificate import optimality_gap
from latentman.assignment.problem import Assignment, paired_cost
from latentman.assignment.solvers import match
from latentman.files.npz_file import read_npz
from latentman.system.memory import memory_now, memory_peak

Floats = NDArray[np.float64]
Problems = Sequence[tuple[Floats, Floats]]
_T = TypeVar("_T")

PLAIN = "plain"
"""SciPy called with the plain matrix of distances: the obvious solution, and the reference of the ratios."""

_MIN_ROUNDS, _MAX_ROUNDS = 7, 100
_SHORT_S, _LONG_S = 0.4, 3.0
"""A solver is timed 7 times, fewer when its runs add up to 3 s, and up to 100 times until they add up to 0.4 s."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one solver on the parts of some pairs of frames.

    ``seconds`` are CPU seconds of one thread for all pairs, the construction of the costs included, the quickest of
    ``runs``. ``cost`` is the total cost, ``matched`` of ``possible`` pixels have a partner. ``gap`` is the largest of
    gap / (1 + cost) over the parts that have dual values, and ``certificate_seconds`` what the proofs cost; both are
    None without dual values. ``memory`` is the peak in bytes over the process before, None where not measured.
    """

    seconds: float
    runs: int
    cost: float
    matched: int
    possible: int
    gap: float | None
    certificate_seconds: float | None
    memory: int | None


def solve(x: Floats, y: Floats, solver: str) -> Assignment:
    """Match X (n, 3) with Y (m, 3) by a solver of the project, or by ``plain``."""
    if solver != PLAIN:
        return match(x, y, solver)
    row, col = linear_sum_assignment(cdist(x, y))
    return Assignment(row, col, paired_cost(x, y, row, col), None, None, None, PLAIN)


def measure(problems: Problems, solvers: Sequence[str]) -> dict[str, Figures]:
    """Return the figures of each solver; with several of them, their runs take turns and memory is not measured."""
    for solver in solvers:
        warm_up(solver)
    times: dict[str, list[float]] = {solver: [] for solver in solvers}
    found: dict[str, list[Assignment]] = {}
    before = memory_now()
    memory = None
    rng = np.random.default_rng(0)
    for number in range(_MAX_ROUNDS):
        # In a fixed order, each solver would always find the caches as the same other solver left them.
        for solver in (solvers[i] for i in rng.permutation(len(solvers))):
            if sum(times[solver]) < (_LONG_S if number < _MIN_ROUNDS else _SHORT_S):
                seconds, found[solver] = _timed(partial(_solve_all, problems, solver))
                times[solver].append(seconds)
        if number == 0 and len(solvers) == 1:
            memory = max(0, memory_peak() - before)
    return {solver: _figures(problems, found[solver], times[solver], memory) for solver in solvers}


def warm_up(solver: str) -> None:
    """Solve small problems, so that loading and compiling are not counted.

    Raises:
        MissingExtraError: if the solver is not installed.
    """
    points = np.random.default_rng(0).uniform(size=(170, 3))
    for n, m in ((3, 5), (80, 90), (90, 80)):  # on both sides of the size at which a solver changes its algorithm
        solve(points[:n], points[n : n + m], solver)


def main(arguments: Sequence[str]) -> int:
    """Measure the solvers named on the problems of a file, and print their figures as JSON."""
    arrays = read_npz(Path(arguments[0]))
    problems = [(arrays[f"x{i}"], arrays[f"y{i}"]) for i in range(len(arrays) // 2)]
    figures = measure(problems, arguments[1:])
    sys.stdout.write(json.dumps({solver: asdict(found) for solver, found in figures.items()}))
    return 0


def _figures(problems: Problems, found: Sequence[Assignment], times: Sequence[float], memory: int | None) -> Figures:
    seconds, gaps = _timed(lambda: _gaps(problems, found))
    return Figures(
        seconds=min(times),
        runs=len(times),
        cost=sum(one.cost for one in found),
        matched=sum(len(one.row) for one in found),
        possible=sum(min(len(x), len(y)) for x, y in problems),
        gap=max(gaps, default=None),
        certificate_seconds=seconds if gaps else None,
        memory=memory,
    )


def _solve_all(problems: Problems, solver: str) -> list[Assignment]:
    return [solve(x, y, solver) for x, y in problems]


def _gaps(problems: Problems, found: Sequence[Assignment]) -> list[float]:
    """Return gap / (1 + cost) of every part that has dual values."""
    gaps = []
    for (x, y), one in zip(problems, found, strict=True):
        potential = one.v if len(x) <= len(y) else one.u
        if potential is not None:
            gaps.append(optimality_gap(x, y, one.row, one.col, potential) / (1 + one.cost))
    return gaps


def _timed(work: Callable[[], _T]) -> tuple[float, _T]:
    before = time.process_time()
    result = work()
    return time.process_time() - before, result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
