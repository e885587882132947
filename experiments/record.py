"""Makes the recorded results again: runs each sweep, or continues it, and copies what this folder shows of it.

python experiments/record.py [NAME ...]        from the root of a checkout; the short sweeps by default (make record)
python experiments/record.py --tables          the README's table from what is recorded (make tables)
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from latentman.paths import write_atomic, write_json, write_text
from latentman.report.build import write_report
from latentman.report.collect import collect
from latentman.report.strip import draw_strip
from latentman.report.table import variant_labels
from latentman.video import read_png_frames

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "out" / "record"


@dataclass(frozen=True)
class Recorded:
    """A sweep, and what its picture compares.

    ``rows`` maps the variants of the picture to their headings, from top to bottom; ``score`` is told beside them.
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


SWEEPS = {
    "table2_ablation": Recorded(
        ("+exp=ablation",),
        {"sla=none pwg=none": "baseline (sla=none pwg=none)", "sla=full pwg=full": "LatentMan (sla=full pwg=full)"},
    ),
    "on_the_spot": Recorded(
        ("+exp=ablation_sla", "prompts=on_the_spot3"),
        {"sla=none": "baseline (sla=none)", "sla=full": "LatentMan (sla=full)"},
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


def record(name: str) -> None:
    """Write a sweep's table, rows, pictures and environment beside its README."""
    sweep, folder, out = SWEEPS[name], HERE / name, WORK / name
    report = write_report(out)
    write_text(folder / "table.md", report.table)
    shutil.copyfile(out / "results.csv", folder / "results.csv")
    for plot in out.glob("*.svg"):
        shutil.copyfile(plot, folder / plot.name)
    parts = compare(out, sweep)
    save(stacked(parts), folder / "strip.png")
    if name == "table2_ablation":
        save(parts[0], ROOT / "docs" / "strip.png")
    write_json(folder / "environment.json", environment(out, sweep))


def compare(out: Path, sweep: Recorded) -> list[Image.Image]:
    """Return for every prompt of the picture the frames of its variants, below one another, at the lowest seed."""
    results = collect(out)
    results = results.assign(variant=variant_labels(results)).sort_values("seed", kind="stable")
    metric, score = sweep.score
    parts = []
    for prompt in pictured(list(dict.fromkeys(results["prompt"])), sweep):
        rows = []
        for variant, heading in sweep.rows.items():
            run = results[(results["prompt"] == prompt) & (results["variant"] == variant)].iloc[0]
            frames = read_png_frames(out / run["folder"] / "frames")
            rows.append((f"{heading}   {score} {run[metric]:.0f}", frames))
        parts.append(draw_strip(prompt, rows))
    return parts


def pictured(prompts: list[str], sweep: Recorded) -> list[str]:
    """Return the prompts that the picture of a sweep shows."""
    if not sweep.pictured:
        return prompts
    return [next(prompt for prompt in prompts if prompt.startswith(start)) for start in sweep.pictured]


def stacked(parts: list[Image.Image]) -> Image.Image:
    """Return pictures below one another on white."""
    picture = Image.new("RGB", (max(p.width for p in parts), sum(p.height for p in parts)), (255, 255, 255))
    top = 0
    for part in parts:
        picture.paste(part, (0, top))
        top += part.height
    return picture


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture with 255 colours: a third of the bytes, and no difference to see at this size."""
    write_atomic(path, picture.quantize(255, dither=Image.Dither.NONE).save)


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


def update_readme() -> None:
    """Put the recorded table between the README's marks."""
    readme = ROOT / "README.md"
    before, start, rest = readme.read_text(encoding="utf-8").partition("<!-- table -->\n")
    _, end, after = rest.partition("<!-- end of table -->")
    table = (HERE / "table2_ablation" / "table.md").read_text(encoding="utf-8")
    write_text(readme, f"{before}{start}{table}{end}{after}")


if __name__ == "__main__":
    only_tables = sys.argv[1:] == ["--tables"]
    wanted = [] if only_tables else sys.argv[1:] or [name for name, sweep in SWEEPS.items() if sweep.short]
    for name in wanted:
        run_sweep(name)
    # Only now, so that no run finds the checkout changed by the results of another.
    for name in wanted:
        record(name)
    update_readme()
