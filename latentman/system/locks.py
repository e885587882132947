"""Locks between processes. A lock ends with the process that holds it, however that process ends.

The locks are those of filelock: ``flock`` on Unix, ``LockFileEx`` on Windows. On a file system without locks, as some
mounts of NFS and Lustre are, work continues without locks after one warning.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor, unlock_descriptor

from latentman.errors import RecordError

log = logging.getLogger("latentman.locks")

LOCK_FILE = ".lock"

_PATIENCE_S = 0.5
"""How long a start waits for a lock: another process may hold it for an instant to find out whether it is free."""

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What locking fails with on a file system that has no locks."""


@contextmanager
def locked(folder: Path, key: str = "run_dir") -> Iterator[None]:
    """Hold a folder for this process. A run that writes nothing leaves the folder as it was before.

    Args:
        folder: created if it does not exist.
        key: the configuration key that names the folder, for messages.

    Raises:
        RecordError: if another process is working in the folder, or it cannot be written.
    """
    path = folder / LOCK_FILE
    is_new_folder, is_new_lock = not folder.exists(), not path.exists()
    lock = _lock(path)
    try:
        _acquire_in(folder, lock)
        before = _names(folder)
    except Timeout as error:
        raise RecordError(
            f"{key}={folder}: another process is working in it; wait for it or choose another folder"
        ) from error
    except OSError as error:
        lock.release()
        raise RecordError(
            f"cannot write to {key}={folder}: {error.strerror or error}; choose another folder"
        ) from error
    try:
        yield
    finally:
        try:
            with contextlib.suppress(OSError):  # the folder was removed, or something was written to it
                if is_new_lock and _names(folder) == before:
                    path.unlink(missing_ok=True)
                    if is_new_folder:
                        folder.rmdir()
        finally:
            _release(lock)


def is_locked(folder: Path) -> bool:
    """Return whether a process is working in a folder now.

    The lock is taken for an instant and given back. Read access to the folder is enough. Without locks on the file
    system the answer is False, so that jobs can run; if the lock cannot be read, the answer is True.
    """
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        if not lock_descriptor(descriptor, blocking=False):
            return True
        unlock_descriptor(descriptor)
    except OSError as error:
        # Over NFS an exclusive lock takes a descriptor that can write.
        return not _has_no_locks(error) and (error.errno != errno.EBADF or _is_locked_for_writing(folder))
    finally:
        os.close(descriptor)
    return False


@contextmanager
def waited_for(lock: Path, patience_s: float) -> Iterator[bool]:
    """Hold a lock file that another process may be holding; the file is removed afterwards.

    Args:
        lock: the lock file; its folder must exist.
        patience_s: seconds to wait for the process that holds it.

    Yields:
        Whether the lock is held; False if waiting was in vain.

    Raises:
        OSError: if the lock file cannot be created.
    """
    if not lock.parent.is_dir():  # filelock would create it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(lock.parent))
    held = _lock(lock)
    try:
        _acquire(held, patience_s)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        # Removed while it is held: filelock takes no lock on a file that has lost its name.
        with contextlib.suppress(OSError):
            lock.unlink()
        _release(held)


def _lock(path: Path) -> FileLock:
    # A soft lock would outlive its process.
    return FileLock(path, fallback_to_soft=False)


def _acquire_in(folder: Path, lock: FileLock) -> None:
    """Create a folder and take its lock, again if a refused run removes the folder in between."""
    for is_last in (False, True):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _acquire(lock, _PATIENCE_S)
            return
        except FileNotFoundError:
            if is_last:
                raise


def _acquire(lock: FileLock, patience_s: float) -> None:
    """Take a lock, or continue without it where the file system has none.

    Raises:
        Timeout: if another process holds it for longer than ``patience_s`` seconds.
        OSError: if the lock file cannot be created.
    """
    try:
        lock.acquire(timeout=patience_s)
    except Timeout:
        raise
    except OSError as error:
        if not _has_no_locks(error):
            raise


def _release(lock: FileLock) -> None:
    with contextlib.suppress(OSError):  # closing the file fails on some network file systems; the lock ends anyway
        lock.release()


def _is_locked_for_writing(folder: Path) -> bool:
    lock = _lock(folder / LOCK_FILE)
    try:
        _acquire(lock, 0)
    except OSError:  # a Timeout too
        return True
    _release(lock)
    return False


def _has_no_locks(error: OSError) -> bool:
    """Return whether an error means that the file system has no locks, and warn if so."""
    if error.errno not in _NO_LOCKS:
        return False
    _warn_of_missing_locks(error.strerror)
    return True


@cache
def _warn_of_missing_locks(reason: str) -> None:
    """Warn once for each process and reason, not for each folder of a sweep."""
    log.warning(
        "this file system has no locks (%s): latentman cannot notice two commands at work in the same folder", reason
    )


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
