"""Reading a path of the root, for the motion to follow, from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentman.errors import DataError
from latentman.files.npz_file import read_npy
from latentman.files.opening import read_text, reading
from latentman.files.schema import ArrayOf
from latentman.system.paths import user_path
from latentman.types import Array

_ADVICE = "motion.trajectory takes an .npy file of shape (T, 2), or a .csv with x and z in metres on each line"
_NUMBERS = ArrayOf("fiu", is_finite=False)
_MAX_BYTES = 10_000_000


def read_trajectory(file: str, max_frames: int) -> Array:
    """Return x and z in metres of the root, (T, 2), one row per motion frame (20 per second).

    A ``.csv`` has two numbers per line, separated by a comma; lines that start with # and one header line are skipped.

    Raises:
        DataError: if the file is missing or malformed, or has fewer than 2 or more than ``max_frames`` rows.
    """
    path = user_path(file).absolute()
    try:
        rows = _read_csv(path) if path.suffix.lower() == ".csv" else read_npy(path, advice=_ADVICE, wanted=_NUMBERS)
        rows = np.asarray(rows, dtype=np.float64)
    except FileNotFoundError as error:
        raise DataError(f"motion.trajectory={file}: there is no file {path}") from error
    if rows.ndim != 2 or rows.shape[1] != 2 or not 2 <= len(rows) <= max_frames:
        raise DataError(
            f"motion.trajectory={file}: expected (T, 2), x and z in metres for 2 to {max_frames} frames, "
            f"got {tuple(rows.shape)}"
        )
    if not np.isfinite(rows).all():
        raise DataError(f"motion.trajectory={file}: row {int(np.argwhere(~np.isfinite(rows))[0][0])} is not finite")
    return rows


def _read_csv(path: Path) -> Array:
    lines = [line.strip() for line in read_text(path, advice=_ADVICE, max_bytes=_MAX_BYTES).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    with reading(path, advice=_ADVICE):
        try:
            _numbers(lines[0])
        except (IndexError, ValueError):
            lines = lines[1:]
        return np.array([_numbers(line) for line in lines])
    raise AssertionError  # reading() never swallows


def _numbers(line: str) -> list[float]:
    return [float(number) for number in line.split(",")]
