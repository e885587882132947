"""NumPy's npz and npy files: nothing is unpickled, and no header can ask for more memory than the file fills."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO, cast

from numpy.lib import format as npy
from numpy.typing import NDArray

from latentman.errors import DataError, LatentManError
from latentman.files.opening import FlawError, open_file, reading, reason
from latentman.files.schema import ArrayOf, Schema, check_array, check_arrays

MAX_BYTES = 16 * 2**30
"""The most bytes that the arrays of a file may occupy together, unless the caller says otherwise."""

MAX_MEMBERS = 4096
MAX_DIMENSIONS = 32
_MAX_RATIO = 1032
"""Bytes that deflate makes of one, at most."""
_MAX_HEADER = 10_000

Arrays = dict[str, NDArray[Any]]


def read_npz(
    path: Path,
    *,
    error: type[LatentManError] = DataError,
    advice: str = "",
    names: Collection[str] | None = None,
    schema: Schema | None = None,
    max_bytes: int = MAX_BYTES,
) -> Arrays:
    """Return the arrays of an npz file by name.

    Args:
        path: the file.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        names: the arrays to read, those that are there; None reads all.
        schema: what they must be like.
        max_bytes: the most memory that they may take together.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice), open_file(path) as file:
        arrays = parse_npz(file, names=names, max_bytes=max_bytes)
        check_arrays(arrays, schema or {})
        return arrays
    raise AssertionError  # reading() never swallows


def read_npy(
    path: Path,
    *,
    error: type[LatentManError] = DataError,
    advice: str = "",
    wanted: ArrayOf | None = None,
    max_bytes: int = MAX_BYTES,
) -> NDArray[Any]:
    """Return the array of an npy file, as :func:`read_npz`."""
    with reading(path, error=error, advice=advice), open_file(path) as file:
        array = parse_npy(file, max_bytes=max_bytes)
        if wanted is not None:
            check_array("the array", array, wanted)
        return array
    raise AssertionError  # reading() never swallows


def parse_npz(file: BinaryIO, *, names: Collection[str] | None = None, max_bytes: int = MAX_BYTES) -> Arrays:
    """Return the arrays of an open npz file.

    Raises:
        FlawError: naming the member and what is wrong with it.
        Exception: whatever else the libraries raise for a damaged file.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    arrays: Arrays = {}
    with zipfile.ZipFile(file) as archive:
        members = _checked_members(archive, size, max_bytes)
        for name, member in members.items():
            if names is not None and name not in names:
                continue
            with archive.open(member) as stream:
                try:
                    arrays[name] = _read_array(cast(BinaryIO, stream), member.file_size)
                    if stream.read(1):  # reading to the end also checks the member's checksum
                        raise FlawError("bytes follow its array")
                except Exception as error:
                    raise FlawError(f"{member.filename}: {reason(error)}") from error
    return arrays


def parse_npy(file: BinaryIO, *, max_bytes: int = MAX_BYTES) -> NDArray[Any]:
    """Return the array of an open npy file.

    Raises:
        FlawError: if its header does not fit its length, or its values are objects.
        Exception: whatever else the library raises for a damaged file.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > max_bytes:
        raise FlawError(f"it has {size} bytes, and at most {max_bytes} are read")
    array = _read_array(file, size)
    if file.read(1):
        raise FlawError("bytes follow its array")
    return array


def npz_names(path: Path, *, error: type[LatentManError] = DataError, advice: str = "") -> list[str]:
    """Return the names of the arrays of an npz file, from its table alone.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice), open_file(path) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            return list(_checked_members(archive, size, MAX_BYTES))
    raise AssertionError  # reading() never swallows


def _checked_members(archive: zipfile.ZipFile, size: int, max_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """Return the members by array name after checking what the table says of each."""
    members: dict[str, zipfile.ZipInfo] = {}
    total = packed = 0
    if len(archive.infolist()) > MAX_MEMBERS:
        raise FlawError(f"it has more than {MAX_MEMBERS} members")
    for member in archive.infolist():
        name = member.filename
        if not name.endswith(".npy") or name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise FlawError(f"its member {name[:80]!a} is not an array")
        if name in members or name.removesuffix(".npy") in members:
            raise FlawError(f"its member {name[:80]!a} is there twice")
        if member.flag_bits & 1:
            raise FlawError(f"its member {name[:80]!a} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FlawError(f"its member {name[:80]!a} is compressed in an unknown way ({member.compress_type})")
        ratio = 1 if member.compress_type == zipfile.ZIP_STORED else _MAX_RATIO
        if member.compress_size > size or member.file_size > member.compress_size * ratio:
            raise FlawError(f"its member {name[:80]!a} claims {member.file_size} bytes in a file of {size}")
        total += member.file_size
        packed += member.compress_size
        members[name.removesuffix(".npy")] = member
    if packed > size:
        raise FlawError(f"its members claim {packed} bytes in a file of {size}")
    if total > max_bytes:
        raise FlawError(f"its arrays take {total} bytes, and at most {max_bytes} are read")
    return members


def _read_array(stream: BinaryIO, size: int) -> NDArray[Any]:
    """Return the array of a stream of ``size`` bytes; memory is reserved only for what they can fill."""
    head = stream.read(npy.MAGIC_LEN + 4)
    if head[:6] != b"\x93NUMPY" or len(head) < npy.MAGIC_LEN + 4:
        raise FlawError("it does not begin as an array of NumPy")
    wide = head[6] >= 2
    if head[6] not in (1, 2, 3):
        raise FlawError(f"its format {head[6]}.{head[7]} is unknown")
    length = int.from_bytes(head[8:12] if wide else head[8:10], "little")
    if length > _MAX_HEADER:
        raise FlawError(f"its header would have {length} characters")
    rest = stream.read(max(0, length - (0 if wide else 2)))
    start = io.BytesIO(head + rest)
    version = npy.read_magic(start)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(start)
    if dtype.hasobject:
        raise FlawError("it holds Python objects, which are never loaded")
    if dtype.names is not None or dtype.subdtype is not None:
        raise FlawError(f"its values are records ({str(dtype)[:80]})")
    if len(shape) > MAX_DIMENSIONS or any(n < 0 for n in shape):
        raise FlawError(f"its shape {str(shape)[:80]} is not one")
    # An array of empty texts takes no bytes, whatever its shape says.
    claimed = math.prod(shape) * (dtype.itemsize or size)
    if claimed > size - len(head) - len(rest):
        raise FlawError(f"its header claims {str(shape)[:80]} values of {dtype}, more than it holds")
    return npy.read_array(_Again(head + rest, stream), allow_pickle=False)


class _Again:
    """A stream whose beginning has been read: gives those bytes once more."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start, self._stream = io.BytesIO(start), stream

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes."""
        return self._start.read(size) or self._stream.read(size)
