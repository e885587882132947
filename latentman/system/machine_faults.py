"""Faults of the machine, such as a full disk, too little memory or too many open files, as messages."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from latentman.errors import DeviceMemoryError, LatentManError, RecordError

ADVICE = {
    errno.ENOSPC: "free some space, then give the same command again",
    errno.EDQUOT: "free some of your quota, then give the same command again",
    errno.EMFILE: "raise the limit of open files (ulimit -n), then give the same command again",
    errno.ENFILE: "close other programs, then give the same command again",
    errno.EROFS: "choose a folder on a file system that can be written",
    errno.EIO: "check the disk or the connection to it, then give the same command again",
    errno.ESTALE: "check the connection to the file server, then give the same command again",
    errno.EACCES: "check the permissions of the file and its folder",
    errno.EPERM: "check the permissions of the file and its folder",
    errno.ENOMEM: "close other programs, then give the same command again",
    errno.EAGAIN: "close other programs, then give the same command again",
    errno.ETIMEDOUT: "check the connection to the file server, then give the same command again",
    errno.ENOTCONN: "check the connection to the file server, then give the same command again",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "remove the symbolic links that lead to themselves",
}
"""Errors that no program can rule out, with what to do; any other OSError that is not expected is a defect."""


@contextmanager
def told(what: str, advice: str) -> Iterator[None]:
    """Turn any OSError of a block into a RecordError.

    Args:
        what: what could not be done, naming the key or the folder.
        advice: what to do where the error itself does not say it.

    Raises:
        RecordError: if the block raises an OSError.
    """
    try:
        yield
    except OSError as error:
        named = f" ({error.filename})" if error.filename else ""
        raise RecordError(
            f"{what}: {error.strerror or error}{named}; {ADVICE.get(error.errno or 0, advice)}"
        ) from error


def is_cpu_memory_full(error: BaseException) -> bool:
    """Return whether an error means that this machine's memory did not hold something; torch has no class for it."""
    if isinstance(error, MemoryError):
        return True
    signs = ("DefaultCPUAllocator", "Cannot allocate memory", "std::bad_alloc")
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in signs)


@contextmanager
def machine_faults_told(what: str) -> Iterator[None]:
    """Turn a fault of the machine into a message. Any other error stays as it is.

    Args:
        what: what was being done, for the message.

    Raises:
        RecordError: if the block raises an OSError whose number is in ``ADVICE``.
        DeviceMemoryError: if the machine's memory was full.
    """
    try:
        yield
    except LatentManError:
        raise
    except OSError as error:
        if error.errno not in ADVICE:
            raise
        named = f" ({error.filename})" if error.filename else ""
        raise RecordError(f"{what}: {error.strerror}{named}; {ADVICE[error.errno]}") from error
    except (MemoryError, RuntimeError) as error:
        if not is_cpu_memory_full(error):
            raise
        raise DeviceMemoryError(
            f"{what}: this machine's memory is full; close other programs, or use a smaller num_frames, "
            "setup.image_size or sampler.chunk_size"
        ) from error
