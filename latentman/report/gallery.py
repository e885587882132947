"""The gallery of a sweep: a row per prompt, a column per variant, all videos in step."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pandas as pd

from latentman.report.collect import collect, read_status
from latentman.report.document import Clips, controls, write_page
from latentman.report.page import run_fps, score, thumbnail
from latentman.report.sections import text
from latentman.report.table import cells, summarise, variant_labels


def write_gallery(sweep_dir: Path) -> None:
    """Write ``gallery.html``: one file, with the H_MSE below each video and the table of the variants at the end.

    Raises:
        RecordError: if there are no runs, or it cannot be written.
    """
    results = collect(sweep_dir)
    labelled = results.assign(variant=variant_labels(results))
    variants = list(dict.fromkeys(labelled["variant"]))
    clips = Clips(fps=run_fps(sweep_dir / labelled["folder"].iloc[0]))
    rows = "".join(_row(sweep_dir, runs, variants, clips) for _, runs in _by_prompt(labelled))
    heads = "".join(f'<th scope="col">{text(variant)}</th>' for variant in variants)
    name = next((str(value) for value in results["name"].dropna()), sweep_dir.name)
    body = [
        f'<header><p class="over">LatentMan</p><h1>{text(name)}</h1>'
        f'<ul class="facts"><li>prompts <b>{labelled["prompt"].nunique()}</b></li>'
        f"<li>variants <b>{len(variants)}</b></li><li>runs <b>{len(results)}</b></li></ul></header>",
        f'<div class="scroll videos"><table class="variants" style="--count:{len(variants)}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>",
        controls(clips, sticky=True),
        _summary(results),
    ]
    write_page(sweep_dir / "gallery.html", f"{name} - LatentMan", body, clips)


def _by_prompt(labelled: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    named = labelled.assign(
        prompt=labelled["prompt"].fillna("no prompt recorded").astype(str),
        seed=labelled["seed"].map(lambda seed: "" if pd.isna(seed) else f"{seed:.0f}"),
    )
    return [((str(k[0]), str(k[1])), runs) for k, runs in named.groupby(["prompt", "seed"], sort=False)]


def _row(sweep_dir: Path, runs: pd.DataFrame, variants: list[str], clips: Clips) -> str:
    prompt, seed = str(runs["prompt"].iloc[0]), str(runs["seed"].iloc[0])
    places = dict(zip(runs["variant"], runs["folder"], strict=True))
    row = "".join(f"<td>{_cell(sweep_dir, places.get(variant), clips)}</td>" for variant in variants)
    suffix = f' <span class="why">seed {text(seed)}</span>' if seed else ""
    return f'<tr><th colspan="{len(variants)}" scope="rowgroup">{text(prompt)}{suffix}</th></tr><tr>{row}</tr>'


def _cell(sweep_dir: Path, folder: str | None, clips: Clips) -> str:
    if folder is None:
        return '<div class="cell empty">no such run</div>'
    status = read_status(sweep_dir / folder)
    link = f'<a href="{quote(f"{folder}/index.html")}">details</a>'
    caption = f"{score(sweep_dir / folder, status)} · {link}"
    picture = thumbnail(sweep_dir / folder, status, clips)
    return f'<figure class="cell">{picture}<figcaption>{caption}</figcaption></figure>'


def _summary(results: pd.DataFrame) -> str:
    headings, rows = cells(summarise(results))
    head = "".join(f'<th class="{"number" if i else ""}">{text(h)}</th>' for i, h in enumerate(headings))
    lines = "".join(
        "<tr>" + "".join(f'<td class="{"number" if i else ""}">{text(c)}</td>' for i, c in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        "<h2>Mean and standard deviation over prompts and seeds</h2>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    )
