"""The named arrays of an .npz file, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from latentman.files.npz_file import npz_names, read_npy, read_npz
from latentman.files.opening import missing_as
from latentman.types import Array

_ARRAYS = "save motion.file as plain arrays with numpy.savez"
_ARRAY = "save motion.file as a plain array with numpy.save, or give an archive of arrays the suffix .npz"


class Archive(Mapping[str, Array]):
    """The named arrays of an .npz file, each of which is read when it is asked for.

    So that an entry which no reader asks for, such as a pickled dictionary next to the poses, does no harm.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with missing_as(path, advice="check motion.file"):
            self.names = tuple(npz_names(path, advice=_ARRAYS))

    def __getitem__(self, name: str) -> Array:
        """Return one array.

        Raises:
            DataError: if it is damaged, or holds objects.
        """
        if name not in self.names:
            raise KeyError(name)
        return read_npz(self.path, names=(name,), advice=_ARRAYS)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def read_array(path: Path) -> Array:
    """Return the array of an .npy file.

    Raises:
        DataError: if it is damaged or holds objects.
    """
    with missing_as(path, advice="check motion.file"):
        return read_npy(path, advice=_ARRAY)
    raise AssertionError  # missing_as() never swallows
