"""Videos side by side as one animated WebP, which plays in a README without a player."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from latentman.report.frames import to_picture
from latentman.system.paths import write_atomic
from latentman.types import Array

SIDE_PX, GAP_PX, BAR_PX = 384, 12, 36
INK, PAPER = (34, 33, 29), (251, 250, 247)
QUALITY = 88


def save_moving_picture(path: Path, videos: Sequence[Array], labels: Sequence[str], fps: float) -> None:
    """Write videos of equal length next to each other, each below its label, repeating without end.

    Args:
        path: the file to write, an animated WebP.
        videos: (T, H, W, 3) uint8 RGB each.
        labels: one line of text for each.
        fps: frames per second.

    Raises:
        RecordError: if the file cannot be written.
    """
    frames = [compose_frame(pictures, labels) for pictures in zip(*videos, strict=True)]
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": round(1000 / fps), "loop": 0}
    write_atomic(path, partial(frames[0].save, format="WEBP", quality=QUALITY, method=4, **options))


def compose_frame(pictures: Sequence[Array], labels: Sequence[str]) -> Image.Image:
    """Return pictures (H, W, 3) next to each other, scaled to one width, each below its label."""
    width = len(pictures) * SIDE_PX + (len(pictures) - 1) * GAP_PX
    scaled = [_scaled(to_picture(picture)) for picture in pictures]
    frame = Image.new("RGB", (width, BAR_PX + max(picture.height for picture in scaled)), PAPER)
    draw, font = ImageDraw.Draw(frame), ImageFont.load_default(size=20)
    for place, (picture, label) in enumerate(zip(scaled, labels, strict=True)):
        left = place * (SIDE_PX + GAP_PX)
        frame.paste(picture, (left, BAR_PX))
        draw.text((left + 2, BAR_PX // 2), label, fill=INK, font=font, anchor="lm")
    return frame


def _scaled(picture: Image.Image) -> Image.Image:
    height = round(picture.height * SIDE_PX / picture.width)
    return picture.resize((SIDE_PX, height), Image.Resampling.LANCZOS)
