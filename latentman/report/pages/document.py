"""One HTML file that needs no other file: style, script and pictures are inside it, and every value is escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from latentman.report.frames import DEFAULT_FPS, resized, to_picture
from latentman.system.paths import PACKAGE, write_text
from latentman.system.templates import environment
from latentman.types import Array

TEMPLATES = PACKAGE / "report" / "templates"

LOSSLESS_UP_TO_PX = 128
"""Larger pictures are embedded as WebP of quality 90; smaller ones lose too much by it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A canvas of a page.

    Attributes:
        index: its place among the page's panels, by which the script finds its pictures.
        width: in pixels.
        height: in pixels.
        label: description for readers who cannot see the pictures.
    """

    index: int
    width: int
    height: int
    label: str


@dataclass
class Clips:
    """The pictures of a page: one list of data addresses per panel, all shown by one clock at ``fps``."""

    fps: float = DEFAULT_FPS
    panels: list[list[str]] = field(default_factory=list)

    def add(self, frames: Array, label: str, *, width: int | None = None) -> Panel:
        """Add a panel.

        Args:
            frames: (T, H, W, 3) uint8 RGB.
            label: description for readers who cannot see the pictures.
            width: wider pictures are reduced to this width in pixels.
        """
        self.panels.append([data_uri(frame, width) for frame in frames])
        return Panel(len(self.panels) - 1, frames.shape[2], frames.shape[1], label)

    @property
    def last(self) -> int:
        """Return the index of the last frame of the longest panel."""
        return max(map(len, self.panels), default=1) - 1

    def plain(self) -> dict[str, Any]:
        """Return the clips as plain data for the page's script."""
        return {"fps": self.fps, "panels": self.panels}


def data_uri(frame: Array, width: int | None = None) -> str:
    """Return a picture (H, W, 3) as a ``data:`` address."""
    picture = to_picture(frame)
    picture = picture if width is None else resized(picture, width)
    buffer = io.BytesIO()
    lossless = max(picture.size) <= LOSSLESS_UP_TO_PX
    picture.save(buffer, format="WEBP", lossless=lossless, quality=90, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


class Content(Protocol):
    """The data that a page's script works with."""

    def plain(self) -> dict[str, Any]:
        """Return the data as plain, finite values."""


def render(template: str, **values: Any) -> str:
    """Return a template of the report with these values, every one of them escaped.

    Args:
        template: its file, relative to ``report/templates``.
        values: by the names that the template uses.
    """
    return environment(TEMPLATES).get_template(template).render(values)


def write_page(
    path: Path,
    template: str,
    content: Content,
    *,
    styles: Sequence[str] = ("page.css",),
    scripts: Sequence[str] = ("player.js",),
    **values: Any,
) -> None:
    """Write a page.

    Args:
        path: the file to write.
        template: the page's template, which extends ``base.html``.
        content: its pictures and whatever else its script needs.
        styles: the files of its style sheet.
        scripts: the files of its script.
        values: what the template shows, ``title`` among them.

    Raises:
        RecordError: if the file cannot be written.
    """
    page = render(
        template,
        content=htmlsafe_json_dumps(content.plain(), ensure_ascii=False, allow_nan=False),
        style=_asset(styles),
        script=_asset(scripts),
        **values,
    )
    write_text(path, page + "\n")


def _asset(names: Sequence[str]) -> Markup:
    """Return style sheets or scripts joined. They are files of this package and hold no value of a user's."""
    return Markup("\n").join(Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in names)
