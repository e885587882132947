"""A score over two swept settings, such as the windows of alignment and guidance."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pandas as pd

from latentman.report.plots.canvas import TWO_COLUMNS, new_figure, number_of_runs
from latentman.report.tables.variants import variant_keys, variant_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_ORDERED = re.compile(rf"\s*(?:{_NUMBER.pattern}|[\[(]\s*{_NUMBER.pattern}\s*,\s*{_NUMBER.pattern}\s*[\])])\s*")


def ordered(value: object) -> tuple[float, ...] | None:
    """Return the numbers of a swept value for sorting: one of a number, two of a window; None for anything else."""
    text = str(value)
    return tuple(float(part) for part in _NUMBER.findall(text)) if _ORDERED.fullmatch(text) else None


def score_grid(results: pd.DataFrame, metric: str) -> pd.DataFrame | None:
    """Return the mean score of the finished runs over two settings: the first swept down, the second across.

    Args:
        results: as from ``collect``.
        metric: the score.

    Returns:
        Values in ascending order on both axes, NaN where no run finished; None unless exactly two settings were swept
        and all their values are numbers or windows, at least two per setting.
    """
    keys = variant_keys(results)
    if len(keys) != 2 or metric not in results.columns or any(not key.startswith("swept.") for key in keys):
        return None
    sides = [sorted(results[key].dropna().unique(), key=lambda value: ordered(value) or ()) for key in keys]
    if any(len(side) < 2 or any(ordered(value) is None for value in side) for side in sides):
        return None
    done = results[results["state"] == "done"]
    if pd.to_numeric(done[metric], errors="coerce").notna().sum() == 0:
        return None
    means = done.assign(**{metric: pd.to_numeric(done[metric], errors="coerce")}).groupby(keys)[metric].mean()
    return means.unstack(keys[1]).reindex(index=sides[0], columns=sides[1])


def draw_heatmap(results: pd.DataFrame, metric: str, title: str) -> Figure | None:
    """Return the score's mean as colours and numbers; None where ``score_grid`` returns None.

    Args:
        results: as from ``collect``.
        metric: the score.
        title: the name of the score.
    """
    grid = score_grid(results, metric)
    if grid is None:
        return None
    rows, columns = grid.shape
    figure = new_figure(min(TWO_COLUMNS, 2.4 + 0.75 * columns), 1.2 + 0.45 * rows)
    done = (results["state"] == "done") & pd.to_numeric(results[metric], errors="coerce").notna()
    figure.suptitle(
        f"{title} over two settings,\nmean over {number_of_runs(variant_labels(results)[done].value_counts())}"
    )
    axes = figure.subplots()
    values = grid.to_numpy(float)
    image = axes.imshow(values, cmap="cividis", aspect="auto")
    is_dark = image.to_rgba(values)[..., :3].sum(-1) < 1.35
    for row in range(rows):
        for column in range(columns):
            value = float(values[row, column])
            text = "-" if math.isnan(value) else f"{value:.4g}"
            shade = "white" if is_dark[row, column] and not math.isnan(value) else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=shade)
    axes.set_xticks(range(columns), [str(value) for value in grid.columns])
    axes.set_yticks(range(rows), [str(value) for value in grid.index])
    axes.set_xlabel(str(grid.columns.name).removeprefix("swept."))
    axes.set_ylabel(str(grid.index.name).removeprefix("swept."))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.colorbar(image, ax=axes, label=f"{title}, mean")
    return figure
