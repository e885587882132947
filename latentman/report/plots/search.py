"""A search: every trial, for each pair of objectives, with the front marked and numbered."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentman.report.plots.canvas import COLOURS, QUIET, TWO_COLUMNS, new_figure
from latentman.report.tables.front import Trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_OBJECTIVES = 3
"""Objectives that are drawn, each against each other."""


def draw_search(trials: Trials) -> Figure:
    """Return one panel for each pair of the first three objectives; for a single objective its course over the trials.

    The front is that of all objectives, so that in a panel of two of them a marked trial can look beaten.

    Args:
        trials: of a search; at least one.
    """
    columns = list(combinations(range(min(len(trials.objectives), MOST_OBJECTIVES)), 2))
    figure = new_figure(TWO_COLUMNS, 2.9)
    figure.suptitle(f"{len(trials.jobs)} trials, {int(trials.best.sum())} on the front, numbered by job", fontsize=8)
    if not columns:
        _course(figure.subplots(), trials)
        return figure
    for axes, (across, up) in zip(figure.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
        _panel(axes, trials, trials.values[:, across], trials.values[:, up])
        axes.set_xlabel(_label(trials, across))
        axes.set_ylabel(_label(trials, up))
    return figure


def _course(axes: Axes, trials: Trials) -> None:
    """Draw the only objective over the numbers of the trials."""
    from matplotlib.ticker import MaxNLocator

    _panel(axes, trials, np.arange(len(trials.jobs), dtype=float), trials.values[:, 0])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel(_label(trials, 0))


def _panel(axes: Axes, trials: Trials, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    best = trials.best
    axes.plot(x[~best], y[~best], "o", color=QUIET, markerfacecolor="none", linestyle="none", label="beaten")
    axes.plot(x[best], y[best], "o", color=COLOURS[0], linestyle="none", label="on the front")
    for place in np.flatnonzero(best):
        axes.annotate(trials.jobs[place], (x[place], y[place]), xytext=(3, 3), textcoords="offset points", fontsize=7)
    axes.margins(0.12)
    axes.grid()


def _label(trials: Trials, number: int) -> str:
    name = list(trials.objectives)[number]
    wish = "lower" if trials.objectives[name] == "minimize" else "higher"
    return f"{trials.heading(name)}, mean\n({wish} is better)"
