"""How plots for papers look, and how they are saved: the same data give the same bytes, without a display."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentman.system.paths import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0
"""Widths in inches of a column and of the text of a two-column paper."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The colours of Okabe and Ito, which colour-blind readers tell apart, without the yellow, too light for lines."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")

INK, QUIET, GRID = "#222222", "#666666", "#dddddd"

_STYLE: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that every machine draws the same
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "pdf.fonttype": 42,  # text stays text, which journals ask for
    "savefig.dpi": 200,
    "figure.dpi": 100,
}


@contextmanager
def style() -> Iterator[None]:
    """Set the look for what is drawn and saved inside, whatever the user's matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": "latentman"})
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches, whose parts keep clear of each other."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def figure_with_legend(labels: list[str], height: float) -> tuple[Figure, dict[str, Any]]:
    """Return an empty figure of the text's width, and where its legend goes so that the axes keep their height.

    Args:
        labels: what the legend will hold.
        height: of the axes and what belongs to them, in inches.

    Returns:
        The figure, and arguments of its ``legend``: beside the axes where the labels are short, else below them.
    """
    longest = max((len(label) for label in labels), default=0)
    if longest <= 28 and 0.17 * len(labels) <= height:
        return new_figure(TWO_COLUMNS, height), {"loc": "outside right upper"}
    columns = 3 if longest <= 32 else 2 if longest <= 55 else 1
    rows = -(-len(labels) // columns)
    return new_figure(TWO_COLUMNS, height + 0.1 + 0.16 * rows), {"loc": "outside lower center", "ncols": columns}


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as ``path`` with the endings .png and .pdf, without dates and versions inside.

    Raises:
        RecordError: if a file cannot be written.
    """
    formats: dict[str, dict[str, None]] = {
        ".png": {"Software": None},
        ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    }
    written = []
    for suffix, metadata in formats.items():
        target = path.with_name(path.name + suffix)
        write_atomic(target, partial(figure.savefig, format=suffix[1:], metadata=metadata))
        written.append(target)
    return written


def colour(index: int) -> str:
    """Return the colour of the variant with this number."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Return the marker of the variant with this number; together with its colour it is its own up to the 49th."""
    return MARKERS[(index + index // len(COLOURS)) % len(MARKERS)]


def line(index: int) -> str:
    """Return the line style of the variant with this number: a new one only when the colours are used up."""
    return LINES[index // len(COLOURS) % len(LINES)]
