"""Pictures, frames and pages of runs for the gallery notebook, if they still exist next to the results."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from PIL import Image

from latentman.report.plots.strip import draw_strip
from latentman.video import frame_paths, read_png_frames

HERE = Path(__file__).resolve().parent

PAGES = {"gallery.html": "gallery", "index.html": "page", "video.mp4": "video"}
"""The files that are linked to, and the texts of the links."""


def recorded_pictures(results: Path) -> list[Path]:
    """Return the still pictures next to a results file: its ``strip.png``, then those in its folder ``strips``."""
    strip = results.with_name("strip.png")
    return [path for path in (strip,) if path.is_file()] + sorted((results.parent / "strips").glob("*.png"))


def folder_of(results: Path, folder: str) -> Path | None:
    """Return the folder of a run, whose row gives it relative to the results; None if it does not exist."""
    place = results.parent / folder
    return place if place.is_dir() else None


def frames_of(results: Path, folder: str) -> list[Path]:
    """Return the files of a run's frames; none if its folder does not exist."""
    place = folder_of(results, folder)
    return [] if place is None else list(frame_paths(place / "frames"))


def links_of(results: Path, folder: str) -> list[str]:
    """Return Markdown links, relative to the notebooks, to the existing pages and video in a folder."""
    place = folder_of(results, folder)
    if place is None:
        return []
    found = [(text, place / name) for name, text in PAGES.items() if (place / name).is_file()]
    return [f"[{text}]({quote(Path(os.path.relpath(path, HERE)).as_posix())})" for text, path in found]


def strip_of(results: Path, runs: pd.DataFrame, title: str) -> Image.Image | None:
    """Return a picture with a row of frames for each run that still has frames; None if none has."""
    rows = [
        (f"{run.variant}   H_MSE {run.human_mse:,.0f}", read_png_frames(results.parent / str(run.folder) / "frames"))
        for run in runs.itertuples()
        if frames_of(results, str(run.folder))
    ]
    return draw_strip(title, rows) if rows else None


def command_of(command: object) -> str:
    """Return a run's command as Markdown, or a text that it is not recorded."""
    return f"`{command}`" if isinstance(command, str) and command else "a command that is not recorded"
