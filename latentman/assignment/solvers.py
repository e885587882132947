"""The solvers, by name, behind one function: :func:`match`.

The exact solvers return a matching of least total cost. If several matchings have that cost, two solvers may return
different ones, but the same solver always returns the same matching for the same points in the same order.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentman.assignment.certificate import optimality_gap
from latentman.assignment.certified import is_compiled, solve_certified
from latentman.assignment.dense import MAX_PAIRS, solve_lapjv, solve_scipy
from latentman.assignment.greedy import greedy
from latentman.assignment.lapsolver import solve_lapsolver
from latentman.assignment.mutual_nn import mutual_nn
from latentman.assignment.problem import Assignment, Solve, check_points, no_assignment, paired_cost
from latentman.errors import DataError
from latentman.system.plugins import Options

_log = logging.getLogger("latentman.correspondence")

SMALL_PAIRS = 500_000
"""Up to this many costs, ``auto`` without a certificate uses scipy, which is as fast there as the certified solver."""

SLOW_POINTS = 3000
"""From this many points per side, scipy takes seconds, which is worth a warning if the certified solver is missing."""


@dataclass(frozen=True, slots=True)
class Solver:
    """A solver and its properties: ``exact`` if it finds the least cost, ``dense`` if it builds the n x m matrix."""

    solve: Solve
    exact: bool = True
    dense: bool = False


_BUILT_IN: dict[str, Solver | None] = {
    "auto": None,
    "certified": Solver(solve_certified),
    "scipy": Solver(solve_scipy, dense=True),
    "lapjv": Solver(solve_lapjv, dense=True),
    "lapsolver": Solver(solve_lapsolver, dense=True),
    "greedy": Solver(greedy, exact=False),
    "mutual_nn": Solver(mutual_nn, exact=False),
}


def _adapt(name: str, value: Any) -> Solver:
    if isinstance(value, Solver):
        return value
    if not callable(value):
        raise TypeError(f"it is {type(value).__name__}, neither a function nor latentman.assignment.solvers.Solver")
    return Solver(value, exact=False)


SOLVERS: Options[Solver | None] = Options("latentman.solvers", _BUILT_IN, _adapt)
"""The solver of each value of the key ``solver``, plugins included; ``auto`` chooses by size."""


def match(
    X: NDArray[np.floating], Y: NDArray[np.floating], solver: str = "auto", *, certify: bool = False
) -> Assignment:
    """Match points of X and Y, each at most once, at the least sum of Euclidean distances.

    This is the linear assignment of the paper's section 3.3, for the pixels of one body part in two frames.

    Args:
        X: (n, 3) features, finite.
        Y: (m, 3) features, finite.
        solver: exact: ``certified`` (proves its result, needs memory for n + m only, by far the fastest for large
            parts), ``scipy``, ``lapjv`` (the extra ``lap``), ``lapsolver`` (used by the released code); previews:
            ``greedy`` (complete, at a higher cost), ``mutual_nn`` (mutual nearest neighbours, which leaves points
            unmatched); ``auto`` is ``certified`` if that is compiled, and scipy for small parts that need no
            certificate.
        certify: prove the distance to the optimum if the solver gives dual values; otherwise ``gap`` is None.

    Returns:
        The pairs with rows ascending: min(n, m) of them, or fewer for ``mutual_nn``.

    Raises:
        ConfigError: if the solver's name is unknown.
        MissingExtraError: if the solver is not installed, or was not compiled.
        ShapeError: if X or Y is not (n, 3).
        DataError: if a feature is not finite, or if a solver with a cost matrix gets more than 2**31 pairs.
    """
    SOLVERS.check(solver)
    x, y = check_points("X", X), check_points("Y", Y)
    name = _chosen(len(x), len(y), certify) if solver == "auto" else solver
    chosen = SOLVERS[name]
    assert chosen is not None
    if len(x) == 0 or len(y) == 0:
        return no_assignment(name, exact=chosen.exact)
    if chosen.dense and len(x) * len(y) > MAX_PAIRS:
        raise DataError(
            f"solver={name}: {len(x)} x {len(y)} points have more than 2**31 pairs, too many for its cost matrix; use "
            "solver=certified, which needs none, or match on a smaller grid"
        )
    swapped = len(x) > len(y)
    col, duals = chosen.solve(y, x) if swapped else chosen.solve(x, y)
    u, v = duals if duals is not None else (None, None)
    row = np.flatnonzero(col >= 0)
    col = col[row]
    if swapped:
        order = np.argsort(col)  # rows ascending, as in the other orientation
        row, col, u, v = col[order], row[order], v, u
    potential = u if swapped else v
    gap = optimality_gap(x, y, row, col, potential) if certify and potential is not None else None
    return Assignment(row, col, paired_cost(x, y, row, col), u, v, gap, name, chosen.exact)


def _chosen(n: int, m: int, certify: bool) -> str:
    """Return the solver that ``auto`` stands for."""
    if is_compiled():
        return "certified" if certify or n * m > SMALL_PAIRS else "scipy"
    if max(n, m) > SLOW_POINTS:
        _warn_of_scipy()
    return "scipy"


@cache
def _warn_of_scipy() -> None:
    """Warn once per process."""
    _log.warning(
        "solver=auto: parts of more than %d pixels are matched slowly by scipy, because the solver 'certified' was not "
        "compiled; install a C++ compiler and then reinstall latentman",
        SLOW_POINTS,
    )
