"""Locks between processes, by ``flock``: they end with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latentman.errors import RecordError

LOCK_FILE = ".lock"

_PATIENCE_S = 0.5  # whoever asks whether a folder is locked holds it for a moment
_POLL_S = 0.1


@contextmanager
def locked(folder: Path, key: str = "run_dir") -> Iterator[None]:
    """Hold a folder for this process.

    Args:
        folder: made if it is not there.
        key: the configuration key that names the folder, for messages.

    Raises:
        RecordError: if another process works in it, or it cannot be written.
    """
    lock = folder / LOCK_FILE
    is_new_folder, is_new_lock = not folder.exists(), not lock.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        raise RecordError(f"cannot write to {key}={folder}: {error.strerror}; choose another folder") from error
    with file:
        if not _taken_within(file.fileno(), _PATIENCE_S):
            raise RecordError(f"{key}={folder}: another process is working in it; wait for it or choose another folder")
        before = _names(folder)
        try:
            yield
        finally:
            # A run that was refused leaves a folder as it found it.
            with contextlib.suppress(OSError):  # the folder is gone, or something was written after all
                if is_new_lock and _names(folder) == before:
                    lock.unlink(missing_ok=True)
                    if is_new_folder:
                        folder.rmdir()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def is_locked(folder: Path) -> bool:
    """Return whether a process works in a folder now; where the file system cannot tell, that it does."""
    try:
        file = (folder / LOCK_FILE).open("r")
    except FileNotFoundError:
        return False
    except OSError:
        return True
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


@contextmanager
def waited_for(lock: Path, patience_s: float) -> Iterator[bool]:
    """Hold a lock file that others may hold now; it is removed afterwards.

    Args:
        lock: its folder must exist.
        patience_s: how long to wait for whoever holds it.

    Yields:
        Whether it is held; False after waiting in vain.

    Raises:
        OSError: if it cannot be made.
    """
    end = time.monotonic() + patience_s
    while True:
        with lock.open("a") as file:
            if not _taken_within(file.fileno(), max(0.0, end - time.monotonic())):
                yield False
                return
            if not _is_this(file.fileno(), lock):
                continue  # whoever held it has removed it: hold the one that is there now
            try:
                yield True
            finally:
                # Only who holds the lock removes it, and who comes to hold a removed one looks again.
                with contextlib.suppress(OSError):
                    lock.unlink()
            return


def _taken_within(descriptor: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
        time.sleep(_POLL_S)


def _is_this(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)
