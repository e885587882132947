"""Draws what the map M does, into experiments/NAME: IUV before and after matching, and the frames that came of it.

python experiments/map_pictures.py SWEEP [--prompts N]     from the root of a checkout

SWEEP is the folder of a finished sweep whose variants differ in the map, such as +exp=suppfig2_correspondence or
+exp=fig7_failures; NAME is the experiment's name. maps.png has a block for every prompt: the IUV as drawn, then for
every variant the IUV that its map brings over from the frame before, pixels without a match in black, and its frames
along the map in the colours of frame 0. maps.md says how much was matched, and how well.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from latentman.correspondence.carried import carried
from latentman.correspondence.match import downsample
from latentman.files.run_file import read_conditions, read_correspondence
from latentman.render.pictures import iuv_frames
from latentman.report.collect import collect
from latentman.report.plots.strip import draw_strip, save_small, stacked
from latentman.report.tables.variants import variant_labels
from latentman.system.paths import write_text
from latentman.types import Conditions, Correspondence
from latentman.video import read_mp4, read_png_frames

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Draw the maps of a sweep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--prompts", type=int, default=None, help="only the first N prompts")
    arguments = parser.parse_args()
    results = collect(arguments.sweep)
    done = results[results["state"] == "done"].assign(variant=variant_labels(results))
    out = HERE / str(done["name"].iloc[0])
    groups = list(done.groupby(["prompt", "seed"], sort=False))[: arguments.prompts]
    blocks = [_block(arguments.sweep, str(prompt), runs) for (prompt, _), runs in groups]
    save_small(stacked(blocks), out / "maps.png")
    write_text(out / "maps.md", _table(done))


def _block(sweep: Path, prompt: str, runs: pd.DataFrame) -> Image.Image:
    """Return the rows of one prompt."""
    rows: list[tuple[str, NDArray[np.uint8]]] = []
    for run in runs.itertuples():
        folder = sweep / str(run.folder)
        found = _map_of(folder)
        drawn = _on_grid(_conditions_of(folder), found.size)
        if not rows:
            rows.append(("IUV as drawn", drawn))
        rows.append((f"{run.variant}: IUV brought over from the reference", carried(drawn, found)))
        if not str(run.variant).endswith("baseline"):
            rows.append(
                (f"{run.variant}: colours of frame 0 along the map", read_mp4(folder / "correspondence.mp4").frames)
            )
        rows.append((f"{run.variant}: frames, H_MSE mesh {run.human_mse_mesh:.0f}", read_png_frames(folder / "frames")))
    return draw_strip(prompt, rows)


def _map_of(folder: Path) -> Correspondence:
    """Return the map on the finest grid that the run kept."""
    files = sorted(folder.glob("correspondence_*.npz"), key=lambda path: int(path.stem.rpartition("_")[2]))
    return read_correspondence(files[-1])


def _conditions_of(folder: Path) -> Conditions:
    return read_conditions(folder / "conditions.npz")


def _on_grid(conditions: Conditions, size: int) -> NDArray[np.uint8]:
    return downsample(np.asarray(iuv_frames(conditions)), size)


def _table(done: pd.DataFrame) -> str:
    """Return what the maps match and how well, a mean per variant and prompt."""
    lines = [
        "| prompt | variant | share matched | distance from the exact place (px of 256) | H_MSE mesh |",
        "| :-- | :-- | --: | --: | --: |",
    ]
    lines += [
        f"| {run.prompt} | {run.variant} | {run.coverage:.3f} | {run.map_error_px:.2f} | {run.human_mse_mesh:.0f} |"
        for run in done.sort_values("prompt", kind="stable").itertuples()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
