"""Which files of a study are served: those that its design names, and no path is ever put together from a request."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from latentman.errors import RecordError
from latentman.study.design import CLIPS, PUBLIC, Design

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".mp4": "video/mp4",
}
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A file that may be sent, and its content type."""

    path: Path
    content_type: str

    def open(self) -> BinaryIO:
        """Open the file for reading; a symbolic link in its place is not followed.

        Raises:
            OSError: if it is gone, or no plain file inside the public folder.
        """
        folder = self.path.parent
        if folder.is_symlink() or folder.parent.is_symlink():
            raise OSError(f"{folder} has become a link")
        descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        return os.fdopen(descriptor, "rb")


def public_files(study_dir: Path, design: Design) -> dict[str, PublicFile]:
    """Return every address that is served, with its file.

    Raises:
        RecordError: if a page or a clip of the design is missing or no plain file.
    """
    from latentman.study.build import PAGES

    public = study_dir / PUBLIC
    names = [*PAGES, *(f"{CLIPS}/{clip}.mp4" for clip in design.clips())]
    files = {f"/{name}": PublicFile(public / name, TYPES[Path(name).suffix]) for name in names}
    gone = [file.path for file in files.values() if not file.path.is_file() or file.path.is_symlink()]
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        raise RecordError(f"{gone[0]}{more} of the study is gone: bring it back, or build the study into a new folder")
    return {"/": files["/index.html"], **files}


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte that a ``Range`` header asks for; None for the whole file.

    Headers of other forms, such as several ranges at once, count as none, which RFC 9110 allows.

    Raises:
        ValueError: if the range begins behind the end of the file.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = int(match[2])
        if length == 0 or size == 0:
            raise ValueError("an empty range")
        return max(0, size - length), size - 1
    first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    if first >= size:
        raise ValueError(f"byte {first} of {size}")
    return first, min(last, size - 1)
