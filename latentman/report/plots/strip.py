"""Still pictures of a sweep: for every prompt one row of frames per variant, one row below the other.

They replace a video in a document or a paper: columns compare the methods, rows show the consistency over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from latentman.report.pages.sections import seed_text
from latentman.report.tables.variants import variant_labels
from latentman.system.paths import write_atomic
from latentman.video import frame_paths, read_png_frames

FRAME_PX = 160
"""Width of a frame in a strip."""

LABEL_PX = 22
"""Height of the line above each row."""

MAX_FRAMES = 8
"""Maximum number of frames in a row; a longer video is sampled evenly."""

INK, PAPER = (30, 30, 30), (255, 255, 255)


def write_strips(root: Path, results: pd.DataFrame) -> list[Path]:
    """Write ``strips/<number>.png`` for every prompt and seed that more than one variant has finished.

    Args:
        root: the folder of the sweep.
        results: as from ``collect``.

    Returns:
        The files, in the order of the prompts.
    """
    labelled = results.assign(label=variant_labels(results), human_mse=results.get("human_mse", np.nan))
    labelled = labelled[labelled["state"] == "done"]
    written = []
    for number, ((prompt, seed), runs) in enumerate(labelled.groupby(["prompt", "seed"], sort=False)):
        rows = [
            (_heading(label, value), read_png_frames(root / str(folder) / "frames"))
            for label, value, folder in zip(runs["label"], runs["human_mse"], runs["folder"], strict=True)
            if frame_paths(root / str(folder) / "frames")
        ]
        if len(rows) < 2:
            continue
        asked = runs.get("asked_seed", runs["seed"]).iloc[0]
        picture = draw_strip(f"{prompt}  (seed {seed_text(asked, seed)})", rows)
        path = root / "strips" / f"{number:02d}.png"
        write_atomic(path, partial(picture.save, optimize=True))
        written.append(path)
    return written


def stacked(parts: Sequence[Image.Image]) -> Image.Image:
    """Return pictures one below the other on white."""
    picture = Image.new("RGB", (max(part.width for part in parts), sum(part.height for part in parts)), PAPER)
    top = 0
    for part in parts:
        picture.paste(part, (0, top))
        top += part.height
    return picture


def save_small(picture: Image.Image, path: Path) -> None:
    """Write a picture with 255 colours: a third of the bytes, without a visible difference at this size.

    Raises:
        RecordError: if the file cannot be written.
    """
    write_atomic(path, picture.quantize(255, dither=Image.Dither.NONE).save)


def draw_strip(title: str, rows: list[tuple[str, NDArray[np.uint8]]]) -> Image.Image:
    """Return one picture: the title, then each row's label and frames (T, H, W, 3)."""
    shown = min(MAX_FRAMES, max(len(frames) for _, frames in rows))
    height = max(round(FRAME_PX * frames.shape[1] / frames.shape[2]) for _, frames in rows)
    picture = Image.new("RGB", (FRAME_PX * shown, LABEL_PX + len(rows) * (LABEL_PX + height)), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13)
    draw.text((6, 4), title, fill=INK, font=font)
    for index, (label, frames) in enumerate(rows):
        top = LABEL_PX + index * (LABEL_PX + height)
        draw.text((6, top + 4), label, fill=INK, font=font)
        for column, frame in enumerate(np.unique(np.linspace(0, len(frames) - 1, shown).round().astype(int))):
            tile = Image.fromarray(frames[frame]).resize((FRAME_PX, height), Image.Resampling.LANCZOS)
            picture.paste(tile, (column * FRAME_PX, top + LABEL_PX))
    return picture


def _heading(label: str, value: float | None) -> str:
    return label if value is None or not np.isfinite(value) else f"{label}   H_MSE {value:.0f}"
