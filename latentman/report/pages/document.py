"""One HTML file that needs no other: style, script and pictures are inside, and whatever a user typed is escaped."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from latentman.errors import RecordError
from latentman.system.paths import PACKAGE, write_text
from latentman.types import Array
from latentman.video import read_mp4, read_png_frames

LOSSLESS_UP_TO_PX = 128
"""Larger pictures are embedded as WebP of quality 90; smaller ones lose too much by it."""


@dataclass
class Clips:
    """The pictures of a page: one list of data addresses per panel, all shown by one clock at ``fps``."""

    fps: float = 10.0
    panels: list[list[str]] = field(default_factory=list)

    def canvas(self, frames: Array, label: str, *, width: int | None = None) -> str:
        """Add a panel and return its element.

        Args:
            frames: (T, H, W, 3) uint8 RGB.
            label: what it shows, for those who cannot see it.
            width: pictures wider than this are made smaller.
        """
        self.panels.append([data_uri(frame, width) for frame in frames])
        return (
            f'<canvas data-clip="{len(self.panels) - 1}" width="{frames.shape[2]}" height="{frames.shape[1]}" '
            f'role="img" aria-label="{escape(label)}"></canvas>'
        )

    def as_json(self) -> str:
        """Return the clips as JSON that may stand in a script element."""
        return json.dumps({"fps": self.fps, "panels": self.panels}).replace("<", "\\u003c")


def data_uri(frame: Array, width: int | None = None) -> str:
    """Return a picture (H, W, 3) as a ``data:`` address."""
    picture = Image.fromarray(np.ascontiguousarray(frame))
    picture = picture if width is None else resized(picture, width)
    buffer = io.BytesIO()
    lossless = max(picture.size) <= LOSSLESS_UP_TO_PX
    picture.save(buffer, format="WEBP", lossless=lossless, quality=90, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def resized(picture: Image.Image, width: int) -> Image.Image:
    """Return a picture no wider than ``width`` pixels."""
    if picture.width <= width:
        return picture
    return picture.resize((width, max(1, round(width * picture.height / picture.width))), Image.Resampling.LANCZOS)


def load_frames(run_dir: Path, name: str) -> Array | None:
    """Return the frames of a folder of PNGs or of a clip in a run's folder; None if it is missing or damaged."""
    try:
        if name.endswith(".mp4"):
            return read_mp4(run_dir / name).frames
        return read_png_frames(run_dir / name)
    except RecordError:
        return None


def controls(clips: Clips, *, sticky: bool = False) -> str:
    """Return the bar that moves all panels; hidden if there are none."""
    last = max(map(len, clips.panels), default=1) - 1
    hidden = "" if clips.panels else " hidden"
    rates = "".join(
        f'<option value="{rate}"{" selected" if rate == "1" else ""}>{rate.replace("-", "")}×</option>'
        for rate in ("0.25", "0.5", "1", "1.5", "2")
    )
    return f"""<div class="player{" stick" if sticky else ""}" role="group" aria-label="Player"{hidden}>
<button id="play" type="button">Play</button>
<button id="back" type="button" aria-label="One frame back">‹</button>
<button id="forward" type="button" aria-label="One frame forward">›</button>
<input id="scrub" type="range" min="0" max="{last}" value="0" step="1" aria-label="Frame">
<span id="where"></span>
<select id="speed" aria-label="Speed">{rates}</select>
</div>
<p class="note keys"{hidden}><kbd>space</kbd> plays and pauses, <kbd>←</kbd> <kbd>→</kbd> step one frame,
<kbd>home</kbd> <kbd>end</kbd> jump</p>"""


class Inside(Protocol):
    """What a page's script works with."""

    def as_json(self) -> str:
        """Return it as JSON that may stand in a script element."""


def write_page(
    path: Path, title: str, body: Sequence[str], inside: Inside, *, style: str | None = None, script: str | None = None
) -> None:
    """Write a page.

    Args:
        path: where.
        title: plain text.
        body: pieces of HTML, every text in them escaped.
        inside: its pictures, and what else its script needs.
        style: its style sheet; the one of all pages by default.
        script: what moves it; the player of a few clips by default.

    Raises:
        RecordError: if it cannot be written.
    """
    parts = {
        "title": escape(title),
        "style": template("page.css") if style is None else style,
        "script": template("player.js") if script is None else script,
        "body": "\n".join(piece for piece in body if piece),
        "clips": inside.as_json(),
    }
    # One pass: braces in a user's text are not looked at again.
    write_text(path, re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template("page.html")))


def template(name: str) -> str:
    """Return a file of the pages' templates."""
    return (PACKAGE / "report" / "templates" / name).read_text(encoding="utf-8")
