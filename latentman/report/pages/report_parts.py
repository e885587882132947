"""The tables and plots of ``report.html``, one part for each experiment of a folder."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from latentman.files.opening import read_bytes
from latentman.report.tables.front import Trials, front_cells
from latentman.report.tables.paper import Paper
from latentman.report.tables.table import cells, footnotes

TITLES = {
    "bars": "mean of each variant with its 95 % interval",
    "pairs": "each pair of frames",
    "pareto": "seconds against the score",
    "heatmap": "over two settings",
    "front": "every trial; the numbered ones are those that no other trial beats in every objective",
}
"""What each kind of plot shows, by the last word of its file's name."""

SCORES = {"human_mse": "H_MSE", "human_mse_mesh": "H_MSE on the mesh"}


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: what it shows, and its picture as a ``data:`` address."""

    title: str
    picture: str


@dataclass(frozen=True, slots=True)
class ReportPart:
    """The table, its notes and the plots of one experiment."""

    name: str
    """Of the experiment; empty if it is the only one of the page, whose heading has the name already."""
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: str
    plots: Sequence[Plot]
    front_headings: Sequence[str] = ()
    front_rows: Sequence[Sequence[str]] = ()
    """Of a search: the trials that no other trial beats."""

    @property
    def heading(self) -> str:
        """Return what the headings of the part begin with."""
        return f"{self.name}: " if self.name else ""


def report_part(
    name: str, summary: pd.DataFrame, paper: Paper | None, figures: Sequence[Path], trials: Trials | None = None
) -> ReportPart:
    """Return the part of one experiment.

    Args:
        name: of the experiment; empty if it is the only one.
        summary: as from ``summarise``.
        paper: the paper's numbers, where it has this table.
        figures: as from ``write_figures``; those that are not PNG are left out.
        trials: of a search.

    Raises:
        RecordError: if a figure cannot be read.
    """
    headings, rows = cells(summary, paper)
    plots = [Plot(_title(path.stem), _data(path)) for path in figures if path.suffix == ".png"]
    front = ([], []) if trials is None else front_cells(trials)
    return ReportPart(name, headings, rows, " ".join(footnotes(summary, paper)), plots, *front)


def _title(stem: str) -> str:
    score, _, kind = stem.rpartition("_")
    return f"{SCORES.get(score, score)}: {TITLES.get(kind, kind)}"


def _data(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(read_bytes(path)).decode('ascii')}"
