"""The cost of a score: score against seconds, with the variants that no other variant beats in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from latentman.report.plots.canvas import QUIET, colour, figure_with_legend, marker, number_of_runs
from latentman.report.tables.front import front

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECONDS = "seconds_total"


def draw_pareto(summary: pd.DataFrame, metric: str, title: str) -> Figure | None:
    """Return the variants' mean seconds and scores, the front joined by a line; None with fewer than two variants.

    Args:
        summary: as from ``summarise``.
        metric: the score; lower is better.
        title: the name of the score.
    """
    known = summary[[f"{metric}_mean", f"{SECONDS}_mean"]].notna().all(axis=1)
    if known.sum() < 2:
        return None
    points = summary.loc[known, [f"{SECONDS}_mean", f"{metric}_mean"]].to_numpy(float)
    best = front(points)
    names = summary.loc[known, "variant"]
    labels = [f"{name} (on the front)" if is_best else str(name) for name, is_best in zip(names, best, strict=True)]
    figure, legend = figure_with_legend([*labels, "front"], height=2.8)
    runs = number_of_runs(summary.loc[known, "n"])
    figure.suptitle(f"{title} against the seconds of a run, mean over {runs} of each variant")
    axes = figure.subplots()
    steps = points[best][np.argsort(points[best][:, 0], kind="stable")]
    axes.plot(steps[:, 0], steps[:, 1], drawstyle="steps-post", color=QUIET, linewidth=0.9, zorder=1, label="front")
    numbers = np.flatnonzero(known).tolist()  # those of the table, so that a variant has one colour in every plot
    for number, point, is_best, label in zip(numbers, points, best, labels, strict=True):
        axes.plot(
            *point, marker(number), color=colour(number), markersize=6, markerfacecolor=None if is_best else "none",
            label=label, linestyle="none",
        )  # fmt: skip
    axes.margins(0.12)
    axes.grid()
    axes.set_xlabel("seconds of a run, mean (lower is better)")
    axes.set_ylabel(f"{title}, mean\n(lower is better)")
    figure.legend(**legend)
    return figure
