"""Arrays from .npz and .npy files, without executing anything: pickled objects are never opened."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from latentman.errors import DataError
from latentman.types import Array

_DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


class Archive(Mapping[str, Array]):
    """The named arrays of an .npz file, each of which is read when it is asked for.

    So that an entry which no reader asks for, such as a pickled dictionary next to the poses, does no harm.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                if not isinstance(file, np.lib.npyio.NpzFile):
                    raise ValueError("it is not an archive of arrays")
                self.names = tuple(file.files)
        except _DAMAGED as error:
            raise _unreadable(path, error, "save plain arrays with numpy.savez") from error

    def __getitem__(self, name: str) -> Array:
        """Return one array.

        Raises:
            DataError: if it is damaged, or holds objects.
        """
        if name not in self.names:
            raise KeyError(name)
        try:
            # Opened here, since numpy leaves a damaged archive open.
            with self.path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return np.asarray(file[name])
        except _DAMAGED as error:
            raise _unreadable(self.path, error, "save plain arrays with numpy.savez") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def read_array(path: Path) -> Array:
    """Return the array of an .npy file.

    Raises:
        DataError: if it is damaged, holds objects, or is an archive.
    """
    try:
        with path.open("rb") as opened:
            array = np.load(opened, allow_pickle=False)
    except _DAMAGED as error:
        raise _unreadable(path, error, "save a plain array with numpy.save") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"motion.file={path} is an archive of arrays: give it the suffix .npz")
    return array


def _unreadable(path: Path, error: Exception, remedy: str) -> DataError:
    return DataError(f"cannot read motion.file={path}: {error}; {remedy}")
