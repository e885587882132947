"""What all readers share: opening plain files within a limit, and one kind of error for whatever goes wrong."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from latentman.errors import DataError, LatentManError

MAX_TEXT_BYTES = 64 * 2**20
"""The most bytes of a text file that are read, unless its reader says otherwise."""


class FlawError(ValueError):
    """What a reader found wrong inside a file; :func:`reading` puts the file's name before it."""


@contextmanager
def reading(
    path: Path | str, *, error: type[LatentManError] = DataError, advice: str = "", what: str = "cannot read"
) -> Iterator[None]:
    """Turn whatever is raised inside into ``error``, with the file, the reason and what to do.

    Errors of this package pass unchanged, and so do :class:`KeyboardInterrupt`, :class:`SystemExit` and
    :class:`FileNotFoundError`, which is for :func:`missing_as` or for the caller: a missing file is not a damaged one.

    Args:
        path: the file, for the message.
        error: the class to raise.
        advice: what to do, such as "fetch it again".
        what: what was being done.

    Raises:
        LatentManError: as ``error``.
    """
    try:
        yield
    # A damaged file can make a library raise nearly anything: MemoryError and RecursionError are Exceptions too. What a
    # signal's handler raises to end the process, SystemExit and KeyboardInterrupt, says nothing about the file.
    except (LatentManError, FileNotFoundError):
        raise
    except Exception as failure:
        raise error(f"{what} {path}: {reason(failure)}{advice and '; ' + advice}") from failure


@contextmanager
def missing_as(path: Path | str, *, error: type[LatentManError] = DataError, advice: str = "") -> Iterator[None]:
    """Turn a missing file into ``error``, naming the file, or ``path`` where that is unknown; around :func:`reading`.

    Raises:
        LatentManError: as ``error``.
    """
    try:
        yield
    except FileNotFoundError as failure:
        raise error(
            f"cannot read {failure.filename or path}: there is no such file{advice and '; ' + advice}"
        ) from failure


def reason(failure: BaseException) -> str:
    """Return the first line of what a library raised, at most 300 characters and printable."""
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    if isinstance(failure, RecursionError):
        return "its content is nested too deeply"
    if isinstance(failure, MemoryError):
        return "it asks for more memory than there is"
    try:
        text = next((line.strip() for line in str(failure).splitlines() if line.strip()), "")
    except Exception:  # an exception whose text cannot be made
        text = ""
    if isinstance(failure, KeyError) or not text:
        text = f"{type(failure).__name__}{text and ': ' + text}"
    return printable(text[:300])


def printable(text: str) -> str:
    """Return a text with everything that a terminal cannot show, or would obey, written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def open_file(path: Path, max_bytes: int | None = None) -> BinaryIO:
    """Open a plain file for reading; a FIFO is not waited for.

    Args:
        path: the file; links are followed.
        max_bytes: the most that it may hold.

    Raises:
        OSError: if it cannot be opened.
        FlawError: if it is a folder, FIFO, socket or device, or is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise FlawError("it is not a file" if not stat.S_ISDIR(about.st_mode) else "it is a folder, not a file")
        if max_bytes is not None and about.st_size > max_bytes:
            raise FlawError(f"it has {about.st_size} bytes, and at most {max_bytes} are read")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of a plain file.

    Raises:
        OSError: if it cannot be read.
        FlawError: as :func:`open_file`.
    """
    with open_file(path, max_bytes) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:  # it has grown meanwhile
        raise FlawError(f"it has more than {max_bytes} bytes, the most that are read")
    return data


def decoded(data: bytes) -> str:
    """Return UTF-8 text, a byte order mark removed.

    Raises:
        FlawError: naming the first byte that is not UTF-8, or a NUL.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FlawError(f"line {line} is not UTF-8 text (byte {error.start})") from error
    if "\0" in text:
        raise FlawError(f"line {text.count(chr(10), 0, text.index(chr(0))) + 1} holds a NUL character")
    return text


def read_text(
    path: Path,
    *,
    error: type[LatentManError] = DataError,
    advice: str = "",
    max_bytes: int = MAX_TEXT_BYTES,
    lenient: bool = False,
) -> str:
    """Return the text of a file.

    Args:
        path: the file.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        max_bytes: the most that it may hold.
        lenient: replace bytes that are not UTF-8 instead of refusing them.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice):
        data = read_bytes(path, max_bytes)
        return data.decode("utf-8", errors="replace") if lenient else decoded(data)
    raise AssertionError  # reading() never swallows
