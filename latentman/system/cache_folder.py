"""Folders in which results are kept by content, for later runs that need the same results.

What the caches share: where they are, what a result depends on besides its inputs, and how they are kept small. A
problem with such a folder never stops a run: it is reported once, and the run continues.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import re
import tempfile
import time
from importlib import metadata
from pathlib import Path

from latentman.system.paths import PACKAGE, PARTIAL

log = logging.getLogger("latentman.cache")
"""Every warning about a cache goes here: it concerns this machine, not a result."""

_STALE_S = 24 * 3600  # an unfinished file or a lock of this age belongs to a process that died
_SOURCES = (".py", ".cpp", ".hpp")

_warned: set[Path] = set()


def cache_dir(name: str) -> Path:
    """Return the folder for one kind of result: ``name`` in ``$LATENTMAN_CACHE``, else in ``~/.cache/latentman``."""
    try:
        place = Path(os.environ.get("LATENTMAN_CACHE") or "~/.cache/latentman").expanduser()
    except RuntimeError:  # a user without a home, as in some containers
        place = Path(tempfile.gettempdir()) / "latentman"
    return place / name


@functools.cache
def code_digest(places: tuple[str, ...], suffixes: tuple[str, ...] = _SOURCES) -> str:
    """Return a hash of files of this package, so that changed code makes new entries.

    Args:
        places: files and folders, relative to the package.
        suffixes: of the files that are hashed.
    """
    total = hashlib.sha256()
    for place in (PACKAGE / name for name in places):
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for path in files:
            if path.suffix in suffixes:
                total.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return total.hexdigest()


@functools.cache
def package_version(package: str) -> str:
    """Return the version of an installed package, or an empty string."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def prune(folder: Path, entry: re.Pattern[str], limit_bytes: int, newest: str) -> None:
    """Remove the entries used least recently while all of them are larger than the limit.

    ``newest`` stays, and so does every file whose name is not an entry's. Unfinished files and locks of dead processes
    are removed too.

    Raises:
        OSError: if the folder cannot be read.
    """
    entries = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another process may be pruning too
            status = path.stat()
            is_left = path.name.startswith(PARTIAL) or path.suffix == ".lock"
            if is_left and time.time() - status.st_mtime > _STALE_S:
                path.unlink()
            elif entry.fullmatch(path.name) and path.is_file():
                entries.append((path.name == newest, status.st_mtime, status.st_size, path))
    excess = sum(size for _, _, size, _ in entries) - limit_bytes
    for is_newest, _, size, path in sorted(entries):
        if excess <= 0 or is_newest:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        excess -= size


def warn_of_folder(folder: Path, what: str, reason: str) -> None:
    """Warn, once for each process, that results cannot be kept in a folder."""
    if folder not in _warned:
        _warned.add(folder)
        log.warning(
            "%s cannot be kept in %s: %s; set LATENTMAN_CACHE to a folder that can be written", what, folder, reason
        )
