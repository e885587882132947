"""Pictures of many runs in one file: a sheet of frames per run, reduced until all sheets fit the limit of the file."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from latentman.report.frames import frame_count, load_video, resized, to_picture
from latentman.types import Array

LIMIT_BYTES = 32_000_000
"""Approximate limit of all pictures of a page in bytes: browsers open such a file within a second or two."""

LOSSLESS_BYTES = 12_000_000
"""Up to this size pictures are stored losslessly, so that differences between runs are exact."""

SHEET_PIXELS = 4_200_000
"""Maximum number of pixels of a sheet: a browser holds four bytes for each while the run is visible."""

FEWEST_FRAMES = 4
"""Frames are left out of long videos, but at least this many are kept."""

_SAMPLE = 12


@dataclass(frozen=True, slots=True)
class Form:
    """How frames are embedded: at most ``width`` pixels wide, as WebP of this quality; None is lossless."""

    width: int
    quality: int | None


FORMS = (
    Form(512, None), Form(512, 90), Form(384, 90), Form(320, 90), Form(256, 90), Form(192, 90), Form(160, 80),
    Form(128, 80), Form(96, 80),
)  # fmt: skip
"""From the best to the smallest; the first that fits is used."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """All frames of a run in one picture, row by row.

    Attributes:
        source: a ``data:`` address.
        columns: number of frames in a row.
        count: number of frames.
        width: width of a frame in pixels.
        height: height of a frame in pixels.
    """

    source: str
    columns: int
    count: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How the videos are embedded so that they fit.

    Attributes:
        form: size and quality of the frames.
        every: one of this many frames is kept.
        videos: number of videos that fit.
        error: mean absolute difference that compression makes, in levels from 0 to 255; zero if lossless.
    """

    form: Form
    every: int = 1
    videos: int = 0
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """The sheets of all runs and how they were made; a run without a sheet has None, and the reason in ``missing``."""

    sheets: tuple[Sheet | None, ...]
    missing: tuple[str | None, ...]
    plan: Plan
    original_width: int

    def note(self) -> str:
        """Return the size and the quality of the pictures in plain text; empty if there are none."""
        shown = [sheet for sheet in self.sheets if sheet is not None]
        if not shown:
            return ""
        width, form = max(sheet.width for sheet in shown), self.plan.form
        parts = [f"Pictures are {width} pixels wide"]
        if width < self.original_width:
            parts.append(f", reduced from {self.original_width} so that this file stays near {LIMIT_BYTES // 10**6} MB")
        parts.append(
            ", lossless."
            if form.quality is None
            else f". They are compressed (WebP, quality {form.quality}), which alone changes a value by "
            f"{self.plan.error:.1f} of 255 on average."
        )
        if self.plan.every > 1:
            parts.append(f" One of every {self.plan.every} frames is kept.")
        if len({sheet.count for sheet in shown}) > 1:
            parts.append(" Shorter videos hold their last frame.")
        return "".join(parts)


def gather(folders: Sequence[Path], *, limit: int = LIMIT_BYTES) -> Pictures:
    """Return the pictures of the runs in these folders, together at most about ``limit`` bytes.

    Only one run's frames are in memory at a time.
    """
    counts = [frame_count(folder) for folder in folders]
    plan, original_width = plan_for([folder for folder, n in zip(folders, counts, strict=True) if n], counts, limit)
    sheets: list[Sheet | None] = []
    missing: list[str | None] = []
    left = plan.videos
    for folder, count in zip(folders, counts, strict=True):
        frames = load_video(folder) if count and left > 0 else None
        sheets.append(None if frames is None else make_sheet(frames[:: plan.every], plan.form))
        missing.append(None if frames is not None else _why_missing(left if count else 1))
        left -= frames is not None
    return Pictures(tuple(sheets), tuple(missing), plan, original_width)


def plan_for(folders: Sequence[Path], counts: Sequence[int], limit: int) -> tuple[Plan, int]:
    """Return the best plan by which the videos of these folders fit, judged by a sample, and their width in pixels."""
    samples = list(_samples(folders))
    longest = max(counts, default=0)
    if not samples:
        return Plan(FORMS[0], videos=len(folders)), 0
    sizes: dict[Form, float] = {}
    every = 1
    while True:
        total = sum(math.ceil(count / every) for count in counts)
        for form in FORMS:
            scaled = [resized(picture, form.width) for picture in samples]
            pixels = max(picture.width * picture.height for picture in scaled)
            if math.ceil(longest / every) * pixels > SHEET_PIXELS and form is not FORMS[-1]:
                continue
            if form not in sizes:
                sizes[form] = sum(_encoded_length(picture, form) for picture in scaled) / len(samples)
            need = total * sizes[form]
            if need <= (min(limit, LOSSLESS_BYTES) if form.quality is None else limit):
                return Plan(form, every, len(folders), _error(scaled, form)), max(p.width for p in samples)
        if longest <= FEWEST_FRAMES * every:
            form = FORMS[-1]
            fitting = max(1, int(len(folders) * limit / need))
            return Plan(form, every, fitting, _error(scaled, form)), max(p.width for p in samples)
        every *= 2


def make_sheet(frames: Array, form: Form) -> Sheet:
    """Return a sheet of frames (T, H, W, 3) uint8."""
    pictures = [resized(to_picture(frame), form.width) for frame in frames]
    columns = math.ceil(math.sqrt(len(pictures)))
    width, height = pictures[0].size
    sheet = Image.new("RGB", (columns * width, math.ceil(len(pictures) / columns) * height))
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    data = base64.b64encode(_encoded(sheet, form)).decode("ascii")
    return Sheet(f"data:image/webp;base64,{data}", columns, len(pictures), width, height)


def _encoded(picture: Image.Image, form: Form) -> bytes:
    buffer = io.BytesIO()
    if form.quality is None:
        picture.save(buffer, format="WEBP", lossless=True, method=2)
    else:
        picture.save(buffer, format="WEBP", quality=form.quality, method=4)
    return buffer.getvalue()


def _encoded_length(picture: Image.Image, form: Form) -> int:
    return math.ceil(len(_encoded(picture, form)) / 3) * 4  # base64


def _samples(folders: Sequence[Path]) -> Iterator[Image.Image]:
    """Yield frames of runs spread over all folders, in turn the first and the last frame of a video."""
    step = max(1, len(folders) // _SAMPLE)
    for turn, folder in enumerate(folders[::step][:_SAMPLE]):
        frames = load_video(folder)
        if frames is not None:
            yield to_picture(frames[0 if turn % 2 else -1])


def _error(pictures: Sequence[Image.Image], form: Form) -> float:
    if form.quality is None:
        return 0.0
    errors = []
    for picture in pictures:
        back = Image.open(io.BytesIO(_encoded(picture, form))).convert("RGB")
        errors.append(np.abs(np.asarray(picture, dtype=float) - np.asarray(back, dtype=float)).mean())
    return float(np.mean(errors))


def _why_missing(left: int) -> str:
    if left <= 0:
        return f"left out: this file would grow beyond {LIMIT_BYTES // 10**6} MB"
    return "the video is missing or damaged: neither frames/ nor video.mp4 can be read"
