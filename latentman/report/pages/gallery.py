"""The gallery of a sweep: every run in one page, in step, to filter, sort and compare."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from latentman.record.status import read_status
from latentman.report.collect import collect
from latentman.report.pages.document import template, write_page
from latentman.report.pages.facts import Key, Value, facts_of
from latentman.report.pages.page import run_fps, score
from latentman.report.pages.sections import text
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
        label: what its video shows, for those who cannot see it.
        variant: index of its variant.
        row: index of its prompt and seed.
        trouble: why it has no video or has not finished, or None.
        score: H_MSE, or None.
        caption: the score or why there is none, as HTML.
    """

    folder: str
    label: str
    variant: int
    row: int
    trouble: str | None
    score: float | None
    caption: str


@dataclass(frozen=True, slots=True)
class Content:
    """What the page's script works with."""

    fps: float
    variants: Sequence[str]
    reference: str
    rows: Sequence[tuple[str, str]]
    exhibits: Sequence[Exhibit]
    sheets: Sequence[Sheet | None]
    keys: Sequence[Key]
    facts: Sequence[Mapping[str, Value]]

    def as_json(self) -> str:
        """Return everything as JSON that may stand in a script element."""
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
        content = {
            "fps": self.fps,
            "variants": list(self.variants),
            "reference": self.reference,
            "rows": [{"prompt": prompt, "seed": seed} for prompt, seed in self.rows],
            "keys": [dataclasses.asdict(key) for key in self.keys],
            "sheets": [dataclasses.asdict(sheet) for sheet in present],
            "runs": runs,
        }
        return json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def write_gallery(sweep_dir: Path, results: pd.DataFrame | None = None, *, limit: int = LIMIT_BYTES) -> None:
    """Write ``gallery.html``: one file with the videos of all runs, their scores and the table of the variants.

    Args:
        sweep_dir: the folder of a sweep, a job or a run.
        results: its rows, if they are collected already.
        limit: about how many bytes its pictures may take; beyond it they become smaller, and the page says so.

    Raises:
        RecordError: if there are no runs, or it cannot be written.
    """
    results = collect(sweep_dir) if results is None else results
    labelled = results.assign(variant=variant_labels(results))
    folders = [sweep_dir / folder for folder in labelled["folder"]]
    pictures = gather(folders, limit=limit)
    content = _content(labelled, sweep_dir, pictures)
    name = next((str(value) for value in results["name"].dropna()), sweep_dir.name)
    cards = "".join(_card(number, exhibit, content, pictures) for number, exhibit in enumerate(content.exhibits))
    body = [
        _header(name, content, pictures),
        template("gallery/toolbar.html"),
        f'<div class="cards videos" id="cards">{cards}</div>',
        template("gallery/player.html"),
        _summary(results),
    ]
    script = "(() => {\n" + "\n".join(template(f"gallery/{part}.js") for part in SCRIPTS) + "})();\n"
    styles = template("page.css") + template("gallery/gallery.css")
    path = sweep_dir / "gallery.html"
    write_page(path, f"{name} - LatentMan", body, content, style=styles, script=f'"use strict";\n{script}')


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
    """Return the prompt and the seed of a run as text; runs that share them stand in one row."""
    prompt, seed = row["prompt"], row["seed"]
    return (
        "no prompt recorded" if prompt is None or pd.isna(prompt) else str(prompt),
        "" if seed is None or pd.isna(seed) else f"{seed:.0f}" if isinstance(seed, int | float) else str(seed),
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
        caption=score(folder, read_status(folder)),
    )


def _trouble(row: Mapping[Any, Any], missing: str | None) -> str | None:
    """Return what a reader must know of a run that has no video or has not finished; None if all is well."""
    state, stage, error = (row[name] if isinstance(row[name], str) else None for name in ("state", "stage", "error"))
    if state == "done":
        return missing
    where = f" in stage {stage}" if stage else ""
    return f"{state or 'state unknown'}{where}{f': {error}' if error else ''}"


def _link(folder: str) -> str:
    return quote("index.html" if folder == "." else f"{folder}/index.html")


def _header(name: str, content: Content, pictures: Pictures) -> str:
    unfinished = sum(exhibit.trouble is not None for exhibit in content.exhibits)
    facts = [
        ("prompts", len({prompt for prompt, _ in content.rows})),
        ("variants", len(content.variants)),
        ("runs", len(content.exhibits)),
        *([("unfinished or without a video", unfinished)] if unfinished else []),
    ]
    items = "".join(f"<li>{label} <b>{number}</b></li>" for label, number in facts)
    note = pictures.note()
    return f'<header><p class="over">LatentMan</p><h1>{text(name)}</h1><ul class="facts">{items}</ul></header>' + (
        f'<p class="note" id="pictures">{text(note)}</p>' if note else ""
    )


def _card(number: int, exhibit: Exhibit, content: Content, pictures: Pictures) -> str:
    """Return a run's figure; the page's script draws its video and puts it where it belongs."""
    sheet = pictures.sheets[number]
    prompt, seed = content.rows[exhibit.row]
    trouble = text(exhibit.trouble or "no video")
    if sheet is None:
        picture = f'<span class="empty{" trouble" if exhibit.trouble else ""}">{trouble}</span>'
    else:
        picture = (
            f'<canvas width="1" height="1" style="aspect-ratio:{sheet.width}/{sheet.height}" role="img" '
            f'aria-label="{text(exhibit.label)}"></canvas>'
        )
    told = f'<span class="trouble">{trouble}</span>' if sheet is not None and exhibit.trouble else ""
    return (
        f'<figure class="card" data-run="{number}"><button class="open" type="button" title="larger">{picture}</button>'
        f'<figcaption><span class="prompt">{text(prompt)}{f" · seed {text(seed)}" if seed else ""}</span>'
        f'<span class="variant">{text(content.variants[exhibit.variant])}</span>{told}'
        f'{exhibit.caption} <span class="change"></span> · <a href="{_link(exhibit.folder)}">details</a>'
        '<span class="extra"></span><span class="pairing"></span></figcaption></figure>'
    )


def _summary(results: pd.DataFrame) -> str:
    headings, rows = cells(summarise(results))
    head = "".join(f'<th scope="col" class="{"number" if i else ""}">{text(h)}</th>' for i, h in enumerate(headings))
    lines = "".join(
        "<tr>" + "".join(f'<td class="{"number" if i else ""}">{text(c)}</td>' for i, c in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        "<h2>Mean and standard deviation over prompts and seeds</h2>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    )
