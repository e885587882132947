"""Plots of the notebooks, in addition to the plots of the reports: each draws a table of ``comparisons``.

Like the reports' plots, they are drawn and saved within ``canvas.style``, as ``opening.show`` does.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentman.report.plots.canvas import GRID, INK, QUIET, TWO_COLUMNS, colour, figure_with_legend, marker, new_figure

Lines = Mapping[str, Sequence[tuple[float, float]]]
"""The points of each line, ascending, by the name of the line."""


def draw_paired(table: pd.DataFrame, title: str) -> Figure:
    """Return a figure with a line per prompt across the variants, and the mean over the prompts.

    Args:
        table: the result of ``per_prompt``.
        title: label of the value axis.
    """
    figure = new_figure(min(TWO_COLUMNS, 1.6 + 1.15 * table.shape[1]), 2.9)
    axes = figure.subplots()
    places = np.arange(table.shape[1])
    for _, values in table.iterrows():
        axes.plot(places, values, color="#a9bfcd", linewidth=0.9, marker="o", markersize=2.5)
    axes.plot(places, table.mean(), color=INK, linewidth=2, marker="o", markersize=4.5, label="mean of the prompts")
    axes.set_xticks(places, [_lines(str(name)) for name in table.columns])
    axes.set(ylabel=title, ylim=(0, None), xlim=(-0.3, len(places) - 0.7))
    axes.grid(axis="y")
    axes.legend(loc="upper right")
    return figure


def draw_changes(table: pd.DataFrame, labels: Sequence[str], title: str) -> Figure:
    """Return a figure of changes in percent with their intervals, from top to bottom; filled if zero is excluded.

    Args:
        table: with columns percent, low and high; low and high may be missing.
        labels: one per row.
        title: label of the value axis.
    """
    figure = new_figure(TWO_COLUMNS * 0.8, 0.7 + 0.34 * len(labels))
    axes = figure.subplots()
    for place, (_, row) in enumerate(table.iterrows()):
        if not pd.isna(row["low"]):
            axes.plot([row["low"], row["high"]], [place, place], color=INK, linewidth=0.9, marker="|")
        face = colour(0) if row["low"] * row["high"] > 0 else "white"
        axes.plot(row["percent"], place, "o", color=colour(0), markerfacecolor=face, markersize=5)
        text = f"{row['percent']:+.1f} %"
        axes.annotate(text, (row["percent"], place), (0, 5), textcoords="offset points", ha="center", fontsize=7)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(range(len(labels)), list(labels))
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel=title, ylim=(len(labels) - 0.5, -0.8))
    axes.margins(x=0.12)
    axes.grid(axis="x")
    return figure


def draw_heat(
    table: pd.DataFrame,
    title: str,
    form: str = "{:,.0f}",
    *,
    middle: float | None = None,
    starred: pd.DataFrame | None = None,
) -> Figure:
    """Return a figure of a table as coloured cells that contain the numbers.

    Args:
        table: rows and columns with their names; cells may be missing.
        title: title of the figure.
        form: format of the numbers.
        middle: the value that is white in a two-sided colour scale; None uses one scale from the lowest to the highest.
        starred: true for cells with a star; has the shape of the table.
    """
    values = table.to_numpy(float)
    longest = max(len(_cut(str(name))) for name in table.index)
    height = 0.75 + 0.3 * len(table) + 0.12 * max(_lines(str(name)).count("\n") for name in table.columns)
    figure = new_figure(min(TWO_COLUMNS, 0.5 + 0.062 * longest + 0.85 * table.shape[1]), height)
    axes = figure.subplots()
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
    if middle is not None:
        reach = max(abs(low - middle), abs(high - middle)) or 1.0
        low, high = middle - reach, middle + reach
    image = axes.imshow(values, cmap="Blues" if middle is None else "RdBu_r", vmin=low, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        is_dark = np.isfinite(value) and sum(image.cmap(image.norm(value))[:3]) < 1.5
        text = form.format(value) if np.isfinite(value) else "–"
        text += " *" if starred is not None and bool(starred.iloc[row, column]) else ""
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color="white" if is_dark else "black")
    axes.set_xticks(range(table.shape[1]), [_lines(str(name)) for name in table.columns])
    axes.set_yticks(range(table.shape[0]), [_cut(str(name)) for name in table.index])
    axes.set(title=title, xlabel=str(table.columns.name or ""), ylabel=str(table.index.name or ""))
    _bare(axes)
    return figure


def draw_ratios(ratios: pd.DataFrame, across: str, up: str, titles: tuple[str, str]) -> Figure:
    """Return a figure of runs by two metrics relative to their baseline, with the mean of each variant as a large dot.

    Args:
        ratios: the result of ``relative_to_baseline``.
        across: the column of the horizontal axis.
        up: the column of the vertical axis.
        titles: labels of the axes.
    """
    variants = list(dict.fromkeys(ratios["variant"]))
    figure, legend = figure_with_legend(variants, height=2.8)
    axes = figure.subplots()
    for number, name in enumerate(variants):
        runs = ratios[ratios["variant"] == name]
        look: dict[str, Any] = {"color": colour(number), "marker": marker(number), "linestyle": "none"}
        axes.plot(runs[across], runs[up], **look, markersize=3, alpha=0.4)
        axes.plot(runs[across].mean(), runs[up].mean(), **look, markersize=8, markeredgecolor="white", label=name)
    axes.axhline(1, color=QUIET, linewidth=0.8)
    axes.axvline(1, color=QUIET, linewidth=0.8)
    highest = ratios[up].max()
    axes.set(xlabel=titles[0], ylabel=titles[1], ylim=(0, max(1.5, 1.05 * highest)))
    axes.grid()
    figure.legend(**legend, title="mean of the runs")
    return figure


def draw_scaling(panels: Mapping[str, Lines], titles: tuple[str, str]) -> Figure:
    """Return a figure with a log-log panel for each title; a line has its name at its end and one colour in all panels.

    Args:
        panels: lines by the title of their panel; values above 0.
        titles: labels of the axes.
    """
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    points = np.array([point for lines in panels.values() for line in lines.values() for point in line])
    (left, low), (right, high) = points.min(0) / (1.15, 1.5), points.max(0) * (1.15, 1.5)
    figure = new_figure(TWO_COLUMNS, 3.1)
    places = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, lines) in zip(places, panels.items(), strict=True):
        axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(low, high), title=title, xlabel=titles[0])
        axes.grid()
        known = {name: line for name, line in lines.items() if len(line)}
        ends = sorted(known, key=lambda name: known[name][-1][1])
        heights = _apart([float(np.log(known[name][-1][1] / low) / np.log(high / low)) for name in ends], 0.06)
        for name, height in zip(ends, heights, strict=True):
            look = colour(names.index(name))
            axes.plot(*zip(*known[name], strict=True), color=look, marker=marker(names.index(name)))
            end, place = known[name][-1], low * (high / low) ** height
            axes.plot([end[0], right * 1.1], [end[1], place], color=look, linewidth=0.6, linestyle=":", clip_on=False)
            axes.text(right * 1.15, place, name, color=look, va="center", fontsize=7)
    figure.axes[0].set_ylabel(titles[1])
    return figure


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """Return ascending heights from 0 to 1, moved at least ``gap`` apart, and down again if they exceed 1."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + gap) if moved else height)
    limit = 1.0
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - gap
    return moved


def _bare(axes: Axes) -> None:
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_edgecolor(GRID)


def _lines(name: str) -> str:
    """Return a variant's name with one part per line, and other names with a few words per line."""
    return name.replace(" ", "\n") if "=" in name else textwrap.fill(name, 14)


def _cut(text: str, length: int = 46) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
