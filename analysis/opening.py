"""Opens the results that a notebook reads, and describes what they contain and what is missing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from latentman.errors import RecordError
from latentman.report.plots.canvas import style
from latentman.report.results import PAIRS_FILE, RESULTS_FILE, read_pairs, read_results
from latentman.report.tables.table import UNFINISHED
from latentman.report.tables.variants import experiments, variant_labels

HERE = Path(__file__).resolve().parent

TITLES = {
    "human_mse": "H_MSE",
    "human_mse_mesh": "H_MSE on the mesh",
    "human_mse_official_uint8": "H_MSE modulo 256",
    "warp_error": "warp error",
    "background_flicker": "background flicker",
    "background_warp_error": "background warp error",
    "coverage": "coverage",
    "map_error_px": "map error (px)",
    "figure_contrast": "figure contrast",
    "figure_overlap": "figure overlap",
    "seconds_denoise": "seconds of denoising",
    "seconds_total": "seconds",
    "peak_memory_bytes": "peak memory (bytes)",
}
"""The names of metrics in plots; metrics that are not listed keep their own names."""


PIXELS_PER_INCH = 118
"""The size at which figures are shown: a figure of a paper's width fills a page, and its text has the page's size."""


@dataclass(frozen=True)
class Opened:
    """The results of one experiment.

    Attributes:
        path: the results file.
        name: the name of the experiment.
        results: its rows as returned by ``read_results``, with a column ``variant``.
        done: the rows of finished runs.
        pairs: the series of its runs as returned by ``read_pairs``; None if there are none.
    """

    path: Path
    name: str
    results: pd.DataFrame
    done: pd.DataFrame
    pairs: pd.DataFrame | None


def locate(results: str | Path) -> Path:
    """Return the path of a results file: ``results``, or the file in that folder.

    Relative paths start at the working folder, this folder or the root of the checkout.

    Raises:
        RecordError: if none of these places has a results file.
    """
    tried = []
    for start in (Path(), HERE, HERE.parent):
        place = start / results
        place = place / RESULTS_FILE if place.is_dir() else place
        if place.is_file():
            return place.resolve()
        tried.append(str(place))
    raise RecordError(
        f"no results at {results}: set RESULTS in the first cell, or LATENTMAN_RESULTS, to a {RESULTS_FILE} or to the "
        f"folder of a sweep for which `latentman report DIR` has written one (tried {', '.join(tried)})"
    )


def open_results(results: str | Path, experiment: str | None = None) -> Opened:
    """Return one experiment of a results file, the only one or the named one, and show a description of it.

    Raises:
        RecordError: if the file is missing, damaged or foreign, or has several experiments and none is named.
    """
    path = locate(results)
    found = experiments(read_results(path))
    name = next(iter(found)) if experiment is None and len(found) == 1 else experiment
    if name not in found:
        raise RecordError(
            f"{path} holds the experiments {', '.join(found)}, which cannot be compared with each other: "
            f"set EXPERIMENT in the first cell to one of them, got {experiment}"
        )
    runs = found[name].reset_index(drop=True)
    runs = runs.assign(variant=variant_labels(runs))
    opened = Opened(path, name, runs, runs[runs["state"] == "done"].reset_index(drop=True), _pairs_of(path, runs))
    say(overview(opened))
    return opened


def overview(opened: Opened) -> str:
    """Return a description of a results file as Markdown, with the runs that have no result."""
    runs, done = opened.results, opened.done
    shown = _short(opened.path)
    lines = [
        f"**{opened.name}**, from `{shown}`: {len(done)} finished runs of {len(runs)}, "
        f"{done['variant'].nunique()} variants, {done['prompt'].nunique()} prompts, {done['seed'].nunique()} seeds."
    ]
    made = {
        "setup": _values(done, "choice.setup"),
        "frames": [f"{value:g}" for value in sorted(done["num_frames"].dropna().unique())],
        "weights": sorted({value for text in _values(done, "weights") for value in json.loads(text).values()}),
        "commit": _values(done, "commit"),
        "version": _values(done, "version"),
    }
    lines.append("Made with " + "; ".join(f"{key} {', '.join(values)}" for key, values in made.items() if values) + ".")
    lines += [
        f"- {run.state}: `{run.folder}`" + (f": {run.error}" if isinstance(run.error, str) else "")
        for run in runs[runs["state"].isin(UNFINISHED)].itertuples()
    ]
    if len(done) < len(runs) and not runs["state"].isin(UNFINISHED).any():
        lines.append(f"Not finished yet, and left out below: {len(runs) - len(done)}.")
    return "\n\n".join(lines)


def lacks(table: pd.DataFrame, columns: Sequence[str], *, about: str = "these results") -> str:
    """Return a sentence that names the columns that are missing or have no values; empty if there are none."""
    missing = [name for name in columns if name not in table.columns or table[name].isna().all()]
    if not missing:
        return ""
    reasons = [
        f" ({reasons[0]})"
        for name in missing
        if f"{name}_reason" in table.columns and len(reasons := table[f"{name}_reason"].dropna().unique())
    ]
    return f"*Not shown: {about} have no {', '.join(missing)}{''.join(reasons[:1])}.*"


def say(text: str) -> None:
    """Show Markdown in the output of a cell."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def show(draw: Callable[..., Figure | None], *arguments: Any, otherwise: str = "", **options: Any) -> None:
    """Draw a figure in the style of the reports and show it in the output of a cell; if there is none, say why."""
    from IPython.display import Image, display

    with style():
        figure = draw(*arguments, **options)
        if figure is None:
            say(f"*Not shown: {otherwise}*")
            return
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
    display(Image(data=picture.getvalue(), width=round(figure.get_figwidth() * PIXELS_PER_INCH)))


def _pairs_of(path: Path, runs: pd.DataFrame) -> pd.DataFrame | None:
    place = path.with_name(PAIRS_FILE)
    if not place.is_file():
        return None
    pairs = read_pairs(place)
    pairs = pairs[pairs["folder"].isin(runs["folder"])]
    return pairs if len(pairs) else None


def _values(runs: pd.DataFrame, column: str) -> list[str]:
    return sorted(map(str, runs[column].dropna().unique())) if column in runs.columns else []


def _short(path: Path) -> str:
    return path.relative_to(HERE.parent).as_posix() if path.is_relative_to(HERE.parent) else path.as_posix()
