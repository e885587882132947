"""The gallery of a sweep: every run in one page, in step, to filter, sort and compare."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from latentman.record.metrics_file import read_metrics
from latentman.record.status import read_status
from latentman.report.collect import collect
from latentman.report.frames import run_fps
from latentman.report.pages.document import write_page
from latentman.report.pages.facts import Key, Value, facts_of
from latentman.report.pages.report_parts import ReportPart
from latentman.report.pages.sections import Score, score, seed_text
from latentman.report.plots.sheets import LIMIT_BYTES, Pictures, Sheet, gather
from latentman.report.tables.table import cells, summarise
from latentman.report.tables.variants import variant_labels

SCRIPTS = ("state", "choose", "pictures", "layout", "tools", "clock", "large", "start")
"""The parts of the page's script, in the order in which they run."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A run in the page.

    Attributes:
        folder: relative to the sweep's.
        label: description of its video for readers who cannot see it.
        variant: index of its variant.
        row: index of its prompt and seed.
        trouble: why it has no video or has not finished, or None.
        score: H_MSE, or None.
        caption: the score, or the reason why there is none.
    """

    folder: str
    label: str
    variant: int
    row: int
    trouble: str | None
    score: float | None
    caption: Score


@dataclass(frozen=True, slots=True)
class Content:
    """The data that the page's script works with."""

    fps: float
    variants: Sequence[str]
    reference: str
    rows: Sequence[tuple[str, str]]
    exhibits: Sequence[Exhibit]
    sheets: Sequence[Sheet | None]
    keys: Sequence[Key]
    facts: Sequence[Mapping[str, Value]]

    def plain(self) -> dict[str, Any]:
        """Return everything as plain data; sheets are numbered in the order of the runs that have one."""
        present = [sheet for sheet in self.sheets if sheet is not None]
        numbers = iter(range(len(present)))
        runs = [
            {
                "variant": exhibit.variant,
                "row": exhibit.row,
                "sheet": None if sheet is None else next(numbers),
                "label": exhibit.label,
                "link": _link(exhibit.folder),
                "trouble": exhibit.trouble,
                "score": exhibit.score,
                "facts": facts,
            }
            for exhibit, sheet, facts in zip(self.exhibits, self.sheets, self.facts, strict=True)
        ]
        return {
            "fps": self.fps,
            "variants": list(self.variants),
            "reference": self.reference,
            "rows": [{"prompt": prompt, "seed": seed} for prompt, seed in self.rows],
            "keys": [dataclasses.asdict(key) for key in self.keys],
            "sheets": [dataclasses.asdict(sheet) for sheet in present],
            "runs": runs,
        }


def write_gallery(
    sweep_dir: Path,
    results: pd.DataFrame | None = None,
    *,
    limit: int = LIMIT_BYTES,
    parts: Sequence[ReportPart] | None = None,
) -> None:
    """Write ``gallery.html``: one file with the videos of all runs, their scores and the table of the variants.

    Args:
        sweep_dir: the folder of a sweep, a job or a run.
        results: its rows, if they are collected already.
        limit: approximate limit of the pictures in bytes; beyond it they become smaller, and the page says so.
        parts: the tables and plots with which ``report.html`` is written too; None without it.

    Raises:
        RecordError: if there are no runs, or a page cannot be written.
    """
    results = collect(sweep_dir) if results is None else results
    labelled = results.assign(variant=variant_labels(results))
    pictures = gather([sweep_dir / folder for folder in labelled["folder"]], limit=limit)
    content = _content(labelled, sweep_dir, pictures)
    headings, rows = cells(summarise(results))
    shown: dict[str, Any] = {
        "styles": ("page.css", "gallery/gallery.css"),
        "scripts": tuple(f"gallery/{part}.js" for part in SCRIPTS),
        "title": next((str(value) for value in results["name"].dropna()), sweep_dir.name),
        "facts": _facts(content),
        "note": pictures.note(),
        "cards": [_card(*pair, content) for pair in zip(content.exhibits, pictures.sheets, strict=True)],
        "headings": headings,
        "rows": rows,
    }
    write_page(sweep_dir / "gallery.html", "gallery.html", content, **shown)
    if parts is not None:
        write_page(sweep_dir / "report.html", "report.html", content, experiments=parts, **shown)


def _content(labelled: pd.DataFrame, sweep_dir: Path, pictures: Pictures) -> Content:
    variants = list(dict.fromkeys(str(variant) for variant in labelled["variant"]))
    baselines = [str(v) for v, is_one in zip(labelled["variant"], labelled["is_baseline"], strict=True) if is_one]
    places = [_place(row) for row in labelled.to_dict("records")]
    rows = list(dict.fromkeys(places))
    keys, facts = facts_of(labelled, sweep_dir)
    exhibits = [
        _exhibit(sweep_dir, row, variants.index(str(row["variant"])), rows.index(place), place, missing)
        for row, place, missing in zip(labelled.to_dict("records"), places, pictures.missing, strict=True)
    ]
    first = next((i for i, sheet in enumerate(pictures.sheets) if sheet is not None), 0)
    return Content(
        fps=run_fps(sweep_dir / exhibits[first].folder) / pictures.plan.every,
        variants=variants,
        reference=(baselines or variants)[0],
        rows=rows,
        exhibits=exhibits,
        sheets=pictures.sheets,
        keys=keys,
        facts=facts,
    )


def _place(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Return the prompt and the seed of a run as text; runs that share both are in one row."""
    prompt, seed = row["prompt"], row["seed"]
    known = None if seed is None or pd.isna(seed) else f"{seed:.0f}" if isinstance(seed, int | float) else str(seed)
    asked = row.get("asked_seed")
    return (
        "no prompt recorded" if prompt is None or pd.isna(prompt) else str(prompt),
        seed_text(asked if isinstance(asked, str) else None, known),
    )


def _exhibit(
    root: Path, row: Mapping[Any, Any], variant: int, number: int, place: tuple[str, str], missing: str | None
) -> Exhibit:
    folder = root / str(row["folder"])
    value = row.get("human_mse")
    label = f"{row['variant']}: video of the prompt {place[0]}"
    return Exhibit(
        folder=str(row["folder"]),
        label=f"{label}, seed {place[1]}" if place[1] else label,
        variant=variant,
        row=number,
        trouble=_trouble(row, missing),
        score=float(value) if isinstance(value, int | float) and not pd.isna(value) else None,
        caption=score(read_status(folder), read_metrics(folder)),
    )


def _trouble(row: Mapping[Any, Any], missing: str | None) -> str | None:
    """Return why a run has no video or has not finished; None if it is complete."""
    state, stage, error = (row[name] if isinstance(row[name], str) else None for name in ("state", "stage", "error"))
    if state == "done":
        return missing
    where = f" in stage {stage}" if stage else ""
    return f"{state or 'state unknown'}{where}{f': {error}' if error else ''}"


def _link(folder: str) -> str:
    return quote("index.html" if folder == "." else f"{folder}/index.html")


def _facts(content: Content) -> list[tuple[str, int]]:
    unfinished = sum(exhibit.trouble is not None for exhibit in content.exhibits)
    return [
        ("prompts", len({prompt for prompt, _ in content.rows})),
        ("variants", len(content.variants)),
        ("runs", len(content.exhibits)),
        *([("unfinished or without a video", unfinished)] if unfinished else []),
    ]


def _card(exhibit: Exhibit, sheet: Sheet | None, content: Content) -> dict[str, Any]:
    """Return what a run's figure shows; the page's script draws its video and moves the figure to its place."""
    prompt, seed = content.rows[exhibit.row]
    return {
        "sheet": sheet,
        "label": exhibit.label,
        "trouble": exhibit.trouble,
        "prompt": prompt,
        "seed": seed,
        "variant": content.variants[exhibit.variant],
        "score": exhibit.caption,
        "link": _link(exhibit.folder),
    }
