"""Which files of a study are served: the ones that its design names. No path is ever built from a request."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from latentman.errors import RecordError
from latentman.study.design import PUBLIC, Design

PAGES = ("index.html", "study.css", "study.js", "icon.svg")
"""The page and what it loads besides the videos."""

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".mp4": "video/mp4",
}


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A file that may be sent, and its content type."""

    path: Path
    content_type: str

    def open(self) -> BinaryIO:
        """Open the file for reading.

        Raises:
            OSError: if it is missing, or it or a folder above it inside the study is not what it was: a symbolic link,
                a FIFO, a device or a folder.
        """
        folder = self.path.parent
        if folder.is_symlink() or folder.parent.is_symlink():
            raise OSError(f"{folder} has become a link")
        return open_plain(self.path)


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading without following a symbolic link or waiting for the writer of a FIFO.

    Raises:
        OSError: if the file is missing or is anything but a plain file.
    """
    # Windows knows none of these flags but O_BINARY; there the check before opening has to do.
    if not is_plain(path):
        raise OSError(f"{path} is not a plain file")
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC")]
    descriptor = os.open(path, os.O_RDONLY | sum(flags))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a plain file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def is_plain(path: Path) -> bool:
    """Return whether a path is a plain file: no symbolic link, FIFO, socket, device or folder."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def public_files(study_dir: Path, design: Design) -> dict[str, PublicFile]:
    """Return every address that is served, with its file.

    Raises:
        RecordError: if a page or a video of the design is missing or is not a plain file.
    """
    public = study_dir / PUBLIC
    names = [*PAGES, *(f"{design.videos_folder}/{video}.mp4" for video in design.videos())]
    files = {f"/{name}": PublicFile(public / name, TYPES[Path(name).suffix]) for name in names}
    bad = [file.path for file in files.values() if not is_plain(file.path)]
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise RecordError(
            f"{bad[0]}{more} of the study is missing or is not a plain file: restore it, or build the study into a "
            "new folder"
        )
    return {"/": files["/index.html"], **files}
