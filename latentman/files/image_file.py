"""Pictures: PNG, JPEG and WebP by their content, whatever their name says, and of at most :data:`MAX_PIXELS`."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path

from PIL import Image

from latentman.errors import DataError, LatentManError
from latentman.files.opening import FlawError, open_file, reading

FORMATS = ("PNG", "JPEG", "WEBP")
"""Pillow knows many more; some of them start other programs, such as Ghostscript for PostScript."""

MAX_PIXELS = 64_000_000
"""8000 x 8000: 256 MB as RGBA."""
MAX_BYTES = 512 * 2**20


def read_image(
    path: Path,
    *,
    error: type[LatentManError] = DataError,
    advice: str = "give a PNG, JPEG or WebP picture",
    modes: Collection[str] | None = None,
    formats: Collection[str] = FORMATS,
    max_pixels: int = MAX_PIXELS,
) -> Image.Image:
    """Return the first picture of a file, decoded.

    Args:
        path: the file.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        modes: Pillow's modes that are accepted; None for all.
        formats: some of :data:`FORMATS`.
        max_pixels: the most that it may have.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice), open_file(path, MAX_BYTES) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bombs, which the limit refuses, and of odd metadata
        with Image.open(file, formats=tuple(formats)) as picture:
            if picture.width * picture.height > max_pixels:
                raise FlawError(f"it has {picture.width}x{picture.height} pixels, and at most {max_pixels} are read")
            if modes is not None and picture.mode not in modes:
                raise FlawError(f"it has pixels of kind {picture.mode}: save it with 8 bits for each colour")
            picture.load()
            return picture.copy()
    raise AssertionError  # reading() never swallows
