"""The frame rate of a motion file: a number that can be one, and a warning where it hardly is."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from latentman.errors import DataError

log = logging.getLogger("latentman.motion")

RATES = (0.1, 10_000.0)
"""Frames a second between which a rate is accepted."""

_PLAUSIBLE = (5.0, 600.0)
"""Frames a second between which recordings are made."""

_REMEDY = "give the true rate as motion.file_fps, such as motion.file_fps=120"


def check_rate(path: Path, stated: object, *, wanted: float | None, usual: float | None, said: str = "") -> float:
    """Return the frame rate of a file in frames a second.

    Args:
        path: the file, for messages.
        stated: what the file says: a number, or an array of one number; None if it says nothing.
        wanted: ``motion.file_fps``, which overrides the file.
        usual: what is taken, with a warning, if the file says nothing; None refuses it.
        said: how the file says it, for messages, such as "Frame Time: 1.0".

    Raises:
        DataError: if the file says nothing and nothing is usual, or what it says is not one real number in
            :data:`RATES`.
    """
    if wanted is not None:
        rate = _number(wanted)
        if rate is None:
            raise DataError(f"{path}: motion.file_fps={wanted:g} must be from {RATES[0]:g} to {RATES[1]:g}")
        return rate
    if stated is None:
        if usual is None:
            raise DataError(f"{path} does not state its frame rate; {_REMEDY}")
        log.warning("%s does not state its frame rate: taken to be %g; motion.file_fps changes it", path, usual)
        return usual
    rate = _number(stated)
    if rate is None:
        shown = " ".join(str(stated).split())[:40]
        raise DataError(
            f"{path}: its frame rate, {shown}{f' ({said})' if said else ''}, is not one number from {RATES[0]:g} to "
            f"{RATES[1]:g}; {_REMEDY}"
        )
    if not _PLAUSIBLE[0] <= rate <= _PLAUSIBLE[1]:
        log.warning(
            "%s: %g frames a second%s is implausible for a recording; if it is wrong, %s",
            path,
            rate,
            f" ({said})" if said else "",
            _REMEDY,
        )
    return rate


def _number(value: object) -> float | None:
    """Return a value as a frame rate, or None if it cannot be one."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if array.size != 1 or array.dtype.kind not in "iuf":
        return None
    rate = float(array.reshape(()))
    return rate if RATES[0] <= rate <= RATES[1] else None
