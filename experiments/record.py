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
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from PIL import Image

from latentman.report.build import joined_markdown, sections_of, write_report
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


@dataclass(frozen=True)
class Recorded:
    """A sweep, and what its picture compares.

    ``rows`` maps the variants of the picture to their headings, from top to bottom; ``score`` is printed next to them.
    ``pictured`` are the beginnings of the prompts that the picture shows, all if it is empty. The prompts are dealt out
    to ``shards`` sweeps, which can run side by side. One that is not ``short`` runs only when it is named.
    """

    arguments: tuple[str, ...]
    rows: dict[str, str]
    score: tuple[str, str] = ("human_mse", "H_MSE")
    pictured: tuple[str, ...] = ()
    shards: int = 1
    short: bool = True

    def parts(self, out: Path) -> list[tuple[Path, list[str]]]:
        """Return the folder and the arguments of each sweep to run."""
        if self.shards == 1:
            return [(out, list(self.arguments))]
        shards = [f"{index}/{self.shards}" for index in range(self.shards)]
        return [
            (out / f"shard-{index}", [*self.arguments, f"prompts.shard={shard}"]) for index, shard in enumerate(shards)
        ]


KINDS = ("bars", "pairs", "pareto", "heatmap")
"""The plots that are recorded of a sweep's score."""

MARKS = {"summary": "table2_ablation", "table1": "table1", "table2": "table2_ablation"}
"""The marks of the tables in pages, and the folders whose results they are made from."""

PAGES = {"README.md": ("summary",), "docs/results.md": ("table2", "table1")}
"""The pages with recorded tables, and their marks."""

SUMMARY = ("variant", "H_MSE", "change", "n")
"""The columns of the table in the README."""

FIRST_PICTURE = "default_run"
"""The sweep whose picture is at the top of docs/results.md."""

SWEEPS = {
    "default_run": Recorded(
        ("+exp=default_run", "seed=3"),
        {"method=t2v_zero": "cross-frame attention alone (method=t2v_zero)", "method=latentman": "LatentMan"},
    ),
    "table1": Recorded(
        ("+exp=table1",),
        {
            "method=masactrl": "MasaCtrl",
            "method=latentman_masactrl": "MasaCtrl + LatentMan",
            "method=t2v_zero": "Text2Video-Zero",
            "method=latentman": "Text2Video-Zero + LatentMan",
        },
        pictured=("a superhero", "a dancer", "a gold robot", "a soldier"),
        short=False,
    ),
    "table2_ablation": Recorded(
        ("+exp=ablation",),
        {"sla=none pwg=none": "baseline (sla=none pwg=none)", "sla=full pwg=full": "LatentMan (sla=full pwg=full)"},
        pictured=("a superhero", "a dancer"),
        short=False,
    ),
    "on_the_spot": Recorded(
        ("+exp=ablation_sla", "prompts=on_the_spot3", "setup=mini", "seed=1"),
        {"sla=none": "baseline (sla=none)", "sla=full": "LatentMan (sla=full)"},
    ),
    "fig2_latent_shift": Recorded(
        ("+exp=fig2_latent_shift",),
        {"method=per_frame": "per_frame", "method=t2v_zero": "t2v_zero", "method=latentman": "latentman"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        short=False,
    ),
    "fig5_motion_guidance": Recorded(
        ("+exp=fig5_motion_guidance",),
        {
            "method=t2v_zero_uncond": "Text2Video-Zero, no depth",
            "method=t2v_zero": "Text2Video-Zero with a motion's depth",
            "method=latentman": "LatentMan",
        },
        short=False,
    ),
    "motion_comparison": Recorded(
        ("+exp=motion_comparison",),
        {"motion=procedural": "procedural", "motion=mdm_mini": "mdm_mini"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "sweep_reference": Recorded(
        ("+exp=sweep_reference",),
        {"reference=prev_new": "prev_new", "reference=prev": "prev", "reference=first": "first"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "sweep_solver": Recorded(
        ("+exp=sweep_solver",),
        {"solver=scipy": "scipy", "solver=auto": "auto", "solver=greedy": "greedy", "solver=mutual_nn": "mutual_nn"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "sweep_windows": Recorded(
        ("+exp=sweep_windows",),
        {
            "sla.window=[0.0,0.2] pwg.window=[0.0,0.5]": "A [0.0,0.2] B [0.0,0.5]",
            "sla.window=[0.0,0.4] pwg.window=[0.2,0.7]": "A [0.0,0.4] B [0.2,0.7], the paper's",
            "sla.window=[0.0,0.6] pwg.window=[0.5,1.0]": "A [0.0,0.6] B [0.5,1.0]",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "sweep_delta": Recorded(
        ("+exp=sweep_delta",),
        {"pwg.delta=0.0": "delta 0.0", "pwg.delta=0.01": "delta 0.01", "pwg.delta=0.04": "delta 0.04"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "suppfig2_correspondence": Recorded(
        ("+exp=suppfig2_correspondence",),
        {
            "densepose_lap_paper": "features of the paper's text (densepose_lap_paper)",
            "densepose_lap_official": "features of the released code (densepose_lap_official)",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        short=False,
    ),
    "fig7_failures": Recorded(
        ("+exp=fig7_failures",),
        {
            "baseline": "baseline, no map",
            "densepose_lap_official": "the paper's map (densepose_lap)",
            "mesh": "the exact map (mesh)",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        short=False,
    ),
    "correspondence": Recorded(
        ("+exp=correspondence",),
        {
            "baseline": "baseline, no map",
            "densepose_lap_official": "the paper's map (densepose_lap)",
            "mesh": "the exact map (mesh)",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero", "a skier"),
        shards=2,
        short=False,
    ),
    "gradients": Recorded(
        ("+exp=gradients",),
        {
            "pwg_none": "without guidance",
            "pwg_direct": "direct",
            "pwg_official_uncond": "official_uncond",
            "pwg_full": "full",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero", "a skier"),
        short=False,
    ),
    "samplers": Recorded(
        ("+exp=samplers",),
        {
            "method=per_frame": "per_frame",
            "method=t2v_zero": "t2v_zero",
            "method=masactrl": "masactrl",
            "method=latentman_masactrl": "latentman_masactrl",
            "method=latentman": "latentman",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero", "a dancer"),
        short=False,
    ),
    "options": Recorded(
        ("+exp=options",),
        {
            name: name
            for name in (
                "mesh",
                "noise_uv",
                "sla_blend",
                "background_steady",
                "masked",
                "anchor_prev",
                "anchor_first_prev",
                "anchor_all",
            )
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "camera": Recorded(
        ("+exp=camera",),
        {
            "camera.orbit=60 variant=baseline": "baseline, the camera goes round by 60 degrees",
            "camera.orbit=60 variant=mesh": "LatentMan, the same",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        short=False,
    ),
}


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
    files = [folder / name for name in (RESULTS_FILE, "results.csv") if (folder / name).is_file()]
    return joined_markdown(sections_of(read_results(files[0]))) if files else None


def recorded_summary(folder: Path) -> str | None:
    """Return the columns of ``SUMMARY`` of a folder's recorded results; None where nothing is recorded."""
    if recorded_table(folder) is None:
        return None
    file = next(folder / name for name in (RESULTS_FILE, "results.csv") if (folder / name).is_file())
    (section,) = sections_of(read_results(file))
    places = [COLUMNS.index(column) for column in SUMMARY]
    rows = [[row[place] for place in places] for row in short_table("", section.summary).rows]
    lines = [list(SUMMARY), [":--", *("--:" for _ in SUMMARY[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page_with_tables(text: str, page: str) -> str:
    """Return a page of ``PAGES`` with the recorded tables between its marks.

    Raises:
        ValueError: if a mark is missing.
    """
    for mark in PAGES[page]:
        name = MARKS[mark]
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"{page} lacks the marks {begin.strip()} and {end}, between which its table stands")
        made = (recorded_summary if mark == "summary" else recorded_table)(HERE / name)
        table = made or f"Not recorded yet: `python experiments/record.py {name}`.\n"
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
