"""CPU seconds against pixels: a panel per flavour of map, logarithmic on both axes, a line per solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.report.plots.canvas import colour, figure_with_legend, line, marker, save_as, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Line:
    """One solver: its name and its points (body pixels, CPU seconds), with the pixels in ascending order."""

    name: str
    points: tuple[tuple[float, float], ...]


def write_plot(path: Path, panels: Mapping[str, Sequence[Line]]) -> None:
    """Write the plot in the format that the name of the file ends with: .svg, .png or .pdf.

    Raises:
        RecordError: if the file cannot be written.
    """
    with style():
        save_as(cost_plot(panels), path)


def cost_plot(panels: Mapping[str, Sequence[Line]]) -> Figure:
    """Return a figure with a panel for each title; a solver has the same colour and marker in all of them.

    Args:
        panels: lines under the title of their panel; at least one point in all; values above 0.
    """
    numbers = {name: i for i, name in enumerate(dict.fromkeys(own.name for lines in panels.values() for own in lines))}
    figure, legend = figure_with_legend(list(numbers), height=2.8)
    handles = {}
    for axes, (title, lines) in zip(
        figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        for own in lines:
            number = numbers[own.name]
            (handles[own.name],) = axes.plot(
                *zip(*own.points, strict=True),
                label=own.name, color=colour(number), linestyle=line(number), marker=marker(number),
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", title=title, xlabel="body pixels of a frame")
        axes.grid(which="major")
        axes.label_outer()
    figure.axes[0].set_ylabel("CPU seconds for a pair of frames")
    figure.legend(handles=[handles[name] for name in numbers], **legend)
    return figure
