"""Makes the recorded results again: runs each sweep, or continues it, and copies what this folder shows of it.

python experiments/record.py [NAME ...]        from the root of a checkout; the short sweeps by default (make record)
python experiments/record.py NAME --from DIR   what another machine ran into the sweep folder DIR
python experiments/record.py --tables          all tables, of the README and of docs/results.md too (make tables)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from PIL import Image
from sweeps import FIRST_PICTURE, SWEEPS, Recorded

from latentman.report.build import Section, joined_markdown, sections_of, write_report
from latentman.report.collect import PAIR_COLUMNS, collect
from latentman.report.plots.figures import write_figures
from latentman.report.plots.strip import draw_strip, save_small, stacked
from latentman.report.results import PAIRS_FILE, RESULTS_FILE, read_pairs, read_results
from latentman.report.tables.paper import FOLDER as PAPER
from latentman.report.tables.short import COLUMNS, short_table
from latentman.report.tables.table import summarise
from latentman.report.tables.variants import variant_labels
from latentman.system.paths import write_json, write_text
from latentman.video import read_png_frames

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "out" / "record"


KINDS = ("bars", "pairs", "pareto", "heatmap")
"""The plots that are recorded of a sweep's score."""


def run_sweep(name: str) -> None:
    """Run or continue one sweep."""
    for folder, arguments in SWEEPS[name].parts(WORK / name):
        command = [sys.executable, "-m", "latentman.run", *arguments, f"sweep_dir={folder}"]
        subprocess.run(command, check=True, cwd=ROOT)


def record(name: str, out: Path) -> None:
    """Write the results, tables, plots, pictures and environment of a sweep next to its README.

    Args:
        name: of the sweep.
        out: the folder that it ran into.

    Raises:
        SystemExit: if a run of the sweep is not done; nothing is written then.
    """
    sweep, folder = SWEEPS[name], HERE / name
    runs = collect(out)
    missing = runs[runs["state"] != "done"]
    if len(missing):
        raise SystemExit(
            f"{out} cannot be recorded as {name}: {len(missing)} of {len(runs)} runs are not done, such as "
            f"{missing['folder'].iloc[0]} ({missing['state'].iloc[0]}); continue the sweep first"
        )
    write_report(out, gallery=False)
    folder.mkdir(exist_ok=True)
    for file in ("results.csv", RESULTS_FILE, PAIRS_FILE, "table.tex"):
        shutil.copyfile(out / file, folder / file)
    parts = compare(out, sweep)
    save_small(stacked(parts), folder / "strip.png")
    if name == FIRST_PICTURE:
        save_small(parts[0], ROOT / "docs" / "strip.png")
    write_json(folder / "environment.json", environment(out, sweep))


def compare(out: Path, sweep: Recorded) -> list[Image.Image]:
    """Return for every prompt of the picture the frames of its variants, below one another, at the lowest seed."""
    results = collect(out)
    results = results.assign(variant=variant_labels(results)).sort_values("seed", kind="stable")
    results = results[results["state"] == "done"]
    metric, score = sweep.score
    parts = []
    for prompt in pictured(list(dict.fromkeys(results["prompt"])), sweep):
        rows = []
        for variant, heading in sweep.rows.items():
            run = results[(results["prompt"] == prompt) & (results["variant"] == variant)].iloc[0]
            frames = read_png_frames(out / run["folder"] / "frames")
            told = "" if pd.isna(run[metric]) else f"   {score} {run[metric]:.0f}"
            rows.append((f"{heading}{told}", frames))
        parts.append(draw_strip(prompt, rows))
    return parts


def pictured(prompts: list[str], sweep: Recorded) -> list[str]:
    """Return the prompts that the picture of a sweep shows."""
    if not sweep.pictured:
        return prompts
    return [next(prompt for prompt in prompts if prompt.startswith(start)) for start in sweep.pictured]


def environment(out: Path, sweep: Recorded) -> dict[str, object]:
    """Return what the numbers were made with."""
    status = json.loads(next(out.rglob("video.mp4")).with_name("status.json").read_text(encoding="utf-8"))
    return {
        "command": shlex.join(["python", "-m", "latentman.run", *sweep.arguments]),
        "commit": status["commit"],
        "weights": status["weights"],
        "versions": status["versions"],
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
    }


def recorded_table(folder: Path) -> str | None:
    """Return the table of a folder's recorded results, with the paper's numbers; None where nothing is recorded."""
    sections = _recorded_sections(folder)
    return joined_markdown(sections) if sections else None


def recorded_summary(folder: Path) -> str | None:
    """Return the columns of ``SUMMARY`` of a folder's recorded results; None where nothing is recorded."""
    sections = _recorded_sections(folder)
    if not sections:
        return None
    (section,) = sections
    places = [COLUMNS.index(column) for column in SUMMARY]
    rows = [[row[place] for place in places] for row in short_table("", section.summary).rows]
    lines = [list(SUMMARY), [":--", *("--:" for _ in SUMMARY[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _recorded_sections(folder: Path) -> list[Section]:
    files = [folder / name for name in (RESULTS_FILE, "results.csv") if (folder / name).is_file()]
    return sections_of(read_results(files[0])) if files else []


SUMMARY = ("variant", "H_MSE", "change", "n")
"""The columns of the table in the README."""

MARKS = {
    "summary": ("table2_ablation", recorded_summary),
    "table1": ("table1", recorded_table),
    "table2": ("table2_ablation", recorded_table),
}
"""The marks of the tables in pages: the folder whose results each is made from, and what makes it."""

PAGES = {"README.md": ("summary",), "docs/results.md": ("table2", "table1")}
"""The pages with recorded tables, and their marks."""


def page_with_tables(text: str, page: str) -> str:
    """Return a page of ``PAGES`` with the recorded tables between its marks.

    Raises:
        ValueError: if a mark is missing.
    """
    for mark in PAGES[page]:
        name, make = MARKS[mark]
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"{page} lacks the marks {begin.strip()} and {end}, between which its table is")
        table = make(HERE / name) or f"Not recorded yet: `python experiments/record.py {name}`.\n"
        text = f"{before}{begin}{table}{end}{after}"
    return text


def update_plots(folder: Path, score: str) -> None:
    """Draw the plots of a folder's recorded results."""
    results = read_results(folder)
    known = (folder / PAIRS_FILE).is_file()
    pairs = read_pairs(folder) if known else pd.DataFrame(columns=list(PAIR_COLUMNS))
    with TemporaryDirectory() as place:
        for path in write_figures(Path(place), results, pairs, summarise(results)):
            if path.suffix == ".png" and path.name in (f"{score}_{kind}.png" for kind in KINDS):
                (folder / "plots").mkdir(exist_ok=True)
                shutil.copyfile(path, folder / "plots" / path.name)


def update_tables() -> None:
    """Write every recorded table and plot again, those of the README too, with the paper's numbers next to them."""
    for name, sweep in SWEEPS.items():
        table = recorded_table(HERE / name)
        if table is not None:
            write_text(HERE / name / "table.md", table)
            update_plots(HERE / name, sweep.score[0])
        numbers = PAPER / f"{experiment(sweep)}.csv"
        if numbers.is_file() and (HERE / name).is_dir():
            shutil.copyfile(numbers, HERE / name / "paper.csv")
    for page in PAGES:
        write_text(ROOT / page, page_with_tables((ROOT / page).read_text(encoding="utf-8"), page))


def experiment(sweep: Recorded) -> str:
    """Return the name of the experiment that a sweep runs."""
    return next(argument for argument in sweep.arguments if argument.startswith("+exp=")).removeprefix("+exp=")


def main(argv: list[str]) -> None:
    """Carry out the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SWEEPS)}")
    parser.add_argument("--tables", action="store_true", help="run and record nothing, write the tables")
    parser.add_argument(
        "--from", dest="out", type=Path, metavar="DIR", help="run nothing, take the runs in this folder"
    )
    given = parser.parse_args(argv)
    unknown = [name for name in given.names if name not in SWEEPS]
    if unknown:
        parser.error(f"unknown sweep {unknown[0]}; choose from {', '.join(SWEEPS)}")
    if given.out and len(given.names) != 1:
        parser.error("--from takes the runs of one sweep: name it")
    if not given.tables:
        wanted = given.names or [name for name, sweep in SWEEPS.items() if sweep.short]
        for name in wanted if not given.out else ():
            run_sweep(name)
        # Only now, so that no run finds the checkout changed by the results of another.
        for name in wanted:
            record(name, given.out or WORK / name)
    update_tables()


if __name__ == "__main__":
    main(sys.argv[1:])
