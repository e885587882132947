"""The look of the plots and how they are saved: the same data give the same bytes, and no display is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
"""The palette of Okabe and Ito for colour-blind readers, without its yellow, which is too light for lines."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")

INK, QUIET, GRID = "#222222", "#666666", "#dddddd"

FORMATS: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    ".svg": {"Creator": None, "Date": None},
}
"""The endings of files that a figure is saved as, and the metadata that would differ from machine to machine."""

_STYLE: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that every machine draws the same
    "font.size": 8,
    "axes.titlesize": 8,
    "figure.titlesize": 9,
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
    "pdf.fonttype": 42,  # text stays text, as journals require
    "savefig.dpi": 200,
    "figure.dpi": 100,
}


@contextmanager
def style() -> Iterator[None]:
    """Set the look of everything drawn and saved inside, independently of the user's matplotlibrc."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": "latentman"})
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches whose parts do not overlap."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def figure_with_legend(labels: list[str], height: float) -> tuple[Figure, dict[str, Any]]:
    """Return an empty figure of the text's width with room for a legend, so that the axes keep their height.

    Args:
        labels: the entries of the legend.
        height: height of the axes with their labels, in inches.

    Returns:
        The figure, and arguments of its ``legend``: next to the axes where the labels are short, else below them.
    """
    longest = max((len(label) for label in labels), default=0)
    if longest <= 28 and 0.17 * len(labels) <= height:
        return new_figure(TWO_COLUMNS, height), {"loc": "outside right upper"}
    columns = 3 if longest <= 32 else 2 if longest <= 55 else 1
    rows = -(-len(labels) // columns)
    return new_figure(TWO_COLUMNS, height + 0.1 + 0.16 * rows), {"loc": "outside lower center", "ncols": columns}


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as ``path`` with the endings .png and .pdf, and return both files.

    Raises:
        RecordError: if a file cannot be written.
    """
    targets = [path.with_name(path.name + suffix) for suffix in (".png", ".pdf")]
    for target in targets:
        save_as(figure, target)
    return targets


def save_as(figure: Figure, path: Path) -> None:
    """Write a figure in the format that ``path`` ends with, one of ``FORMATS``, without dates and versions inside.

    Raises:
        RecordError: if the file cannot be written.
    """
    write_atomic(path, partial(figure.savefig, format=path.suffix[1:], metadata=FORMATS[path.suffix]))


def number_of_runs(counts: Iterable[int]) -> str:
    """Return how many runs the variants of a plot have, for its title: ``n = 6 runs`` or ``n = 4 to 6 runs``."""
    few, many = min(known := list(counts), default=0), max(known, default=0)
    return f"n = {many} {'run' if many == 1 else 'runs'}" if few == many else f"n = {few} to {many} runs"


def colour(index: int) -> str:
    """Return the colour of the variant with this number."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Return the marker of the variant with this number; colour and marker together are unique for 49 variants."""
    return MARKERS[(index + index // len(COLOURS)) % len(MARKERS)]


def line(index: int) -> str:
    """Return the line style of the variant with this number; it changes only when the colours are used up."""
    return LINES[index // len(COLOURS) % len(LINES)]
