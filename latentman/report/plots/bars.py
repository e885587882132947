"""A score's mean per variant and, next to it, the paired change against the baseline, each with its 95 % interval.

The two intervals differ: scores vary from prompt to prompt, so that a mean is uncertain, while the change at the same
prompts may be well determined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from latentman.report.plots.canvas import INK, QUIET, TWO_COLUMNS, colour, new_figure
from latentman.report.tables.table import CHANGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INTERVAL = " and 95 % interval"


def draw_bars(summary: pd.DataFrame, metric: str, title: str) -> Figure | None:
    """Return the bars of a score; None if no variant has it.

    Args:
        summary: as from ``summarise``.
        metric: one of ``CHANGES``.
        title: the name of the score.
    """
    if summary[f"{metric}_mean"].isna().all():
        return None
    prefix = CHANGES[metric]
    has_changes = summary.loc[~summary["is_baseline"], f"{prefix}change_percent"].notna().any()
    figure = new_figure(TWO_COLUMNS, 1.05 + 0.26 * len(summary))
    figure.suptitle(f"{title} of each variant, mean over its n runs")
    if has_changes:
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        _changes(right, summary, prefix)
    else:
        left = figure.subplots()
    _means(left, summary, metric, title)
    return figure


def _means(axes: Axes, summary: pd.DataFrame, metric: str, title: str) -> None:
    means = summary[f"{metric}_mean"].astype(float)
    low, high = (summary[f"{metric}_{end}"].astype(float) for end in ("low", "high"))
    places = list(range(len(summary)))
    axes.barh(places, means.fillna(0), height=0.68, color=[colour(place) for place in places])
    reach = max(means.max(), high.max() if high.notna().any() else 0)
    for place, mean, lower, upper, runs in zip(places, means, low, high, summary["n"], strict=True):
        if pd.isna(mean):
            axes.text(0.01 * reach, place, "no finished run", va="center", fontsize=7, color=QUIET)
            continue
        if pd.notna(lower):
            axes.errorbar(mean, place, xerr=[[mean - lower], [upper - mean]], color=INK, capsize=2.5, linewidth=0.9)
        end = mean if pd.isna(upper) else upper
        axes.text(end + 0.02 * reach, place, f"{mean:.4g}  n={runs}", va="center", fontsize=7)
    axes.set_yticks(places, [_wrapped(str(name)) for name in summary["variant"]])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.3 * reach if reach > 0 else 1)
    axes.set_ylim(len(summary) - 0.5, -0.5)
    axes.grid(axis="x")
    axes.set_xlabel(f"{title}, mean{_INTERVAL if low.notna().any() else ''}\n(lower is better)")


def _changes(axes: Axes, summary: pd.DataFrame, prefix: str) -> None:
    has_interval = False
    is_fall = summary.loc[~summary["is_baseline"], f"{prefix}change_percent"].mean() < 0
    for place, (_, row) in enumerate(summary.iterrows()):
        percent, low, high = (row[f"{prefix}change_{part}"] for part in ("percent", "low", "high"))
        if pd.isna(percent):
            continue
        if row["is_baseline"]:
            side = "right" if is_fall else "left"
            axes.text(0, place, "  baseline  ", va="center", ha=side, fontsize=7, color=QUIET)
            continue
        if pd.notna(low):
            has_interval = True
            axes.errorbar(
                percent, place, xerr=[[percent - low], [high - percent]], color=INK, capsize=2.5, linewidth=0.9
            )
        axes.plot(percent, place, "o", color=colour(place))
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.margins(x=0.12)
    axes.set_xlabel(f"change in %{_INTERVAL if has_interval else ''}\n(at the same prompts and seeds)")


def _wrapped(label: str, width: int = 34) -> str:
    """Break a long name between its parts into as few lines as possible."""
    lines = [""]
    for word in label.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
