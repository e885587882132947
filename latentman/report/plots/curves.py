"""A score per pair of frames: the mean over runs of each variant, from the first pair to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from latentman.report.plots.canvas import colour, figure_with_legend, line, marker, number_of_runs
from latentman.report.tables.variants import variant_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MOST_LINES = 14
"""Maximum number of variants whose lines can be distinguished."""


def pair_means(results: pd.DataFrame, pairs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the mean of a score over runs: a row per pair of frames, a column per variant, in the order of the jobs.

    Args:
        results: as from ``collect``.
        pairs: as from ``collect_pairs``.
        metric: its name in ``pairs``.

    Returns:
        Index: the number of the pair, from 1. Pairs without a value are left out of the mean, and so is a variant
        without any value.
    """
    labelled = results.assign(variant=variant_labels(results))[["folder", "variant"]]
    known = pairs[(pairs["metric"] == metric) & pairs["value"].notna()].merge(labelled, on="folder")
    means = known.groupby(["index", "variant"])["value"].mean().unstack("variant")
    order = [variant for variant in dict.fromkeys(labelled["variant"]) if variant in means.columns]
    means = means[order]
    means.index = means.index + 1
    return means


def draw_curves(results: pd.DataFrame, pairs: pd.DataFrame, metric: str, title: str) -> Figure | None:
    """Return a line per variant; None with fewer than two pairs of frames, or more than ``MOST_LINES`` variants.

    Args:
        results: as from ``collect``.
        pairs: as from ``collect_pairs``.
        metric: its name in ``pairs``.
        title: the name of the score.
    """
    from matplotlib.ticker import MaxNLocator

    means = pair_means(results, pairs, metric)
    if len(means) < 2 or len(means.columns) > MOST_LINES:
        return None
    variants = variant_labels(results)
    order = list(dict.fromkeys(variants))
    figure, legend = figure_with_legend([str(variant) for variant in means.columns], height=2.6)
    known = pairs[(pairs["metric"] == metric) & pairs["value"].notna()]["folder"]
    counts = variants[results["folder"].isin(known)].value_counts()
    figure.suptitle(f"{title} of each pair of frames, mean over {number_of_runs(counts)} of each variant")
    axes = figure.subplots()
    every = max(1, len(means) // 12)
    for label in means.columns:
        number = order.index(label)  # that of the table, so that a variant has one colour in every plot
        axes.plot(
            means.index, means[label], label=str(label), color=colour(number), linestyle=line(number),
            marker=marker(number), markevery=every,
        )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.set_xlabel("pair of frames")
    axes.set_ylabel(f"{title}, mean over runs")
    figure.legend(**legend)
    return figure
