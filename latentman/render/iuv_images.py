"""I, U and V of every frame from the files of a DensePose detector: found in order, read, and checked.

A detector writes one picture per frame: I the body part 1 to 24 (0 is the background), U and V as 255 times their
value. PNG and npy files are read; nothing is resized, since an average of two part numbers is a third part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from glob import glob
from pathlib import Path

import numpy as np

from latentman.errors import DataError
from latentman.files.image_file import read_image
from latentman.files.npz_file import read_npy
from latentman.types import NUM_PARTS, Array

SUFFIXES = (".png", ".npy")

MAX_FILE_BYTES = 2**30
"""Largest file that is opened."""

_ADVICE = "write one picture (PNG or npy, uint8) of I, U and V per frame of the video"


def find_maps(reference: str) -> list[Path]:
    """Return the files that ``iuv.folder`` names, in the order of the numbers in their names.

    Args:
        reference: a folder, one file, or a pattern with ``*``, ``?`` or ``[...]``. A path that exists is never taken
            for a pattern.

    Raises:
        DataError: if there is no such file or folder, it holds no map, or it holds both kinds of files.
    """
    path = Path(reference).expanduser()
    if path.is_file():
        return [path]
    is_folder = path.is_dir()
    found = list(path.iterdir()) if is_folder else [Path(name) for name in glob(str(path))]  # noqa: PTH207
    maps = sorted((file for file in found if file.suffix.lower() in SUFFIXES and file.is_file()), key=_natural_order)
    if not maps:
        what = f"{path} holds no .png or .npy file" if is_folder else f"there is no file or folder {path.absolute()}"
        raise DataError(f"iuv.folder={reference}: {what}; {_ADVICE}")
    if len({file.suffix.lower() for file in maps}) > 1:
        raise DataError(
            f"iuv.folder={reference} holds PNG and npy files, first {maps[0].name}: choose one kind with a pattern, "
            f"such as iuv.folder={path if is_folder else path.parent}/*.png"
        )
    return maps


def read_maps(reference: str, *, frames: int, size: int, channels: str = "iuv") -> Array:
    """Return the maps of a clip, (T, S, S, 3) uint8 with the channels I, U, V.

    Args:
        reference: as in :func:`find_maps`.
        frames: T, the number of frames of the video.
        size: S, height and width of the pictures in pixels.
        channels: the order of the channels in the files, ``iuv`` or ``vui``.

    Raises:
        DataError: if a file is missing or damaged, or the number, size, type or range of the maps is wrong.
    """
    files = find_maps(reference)
    if len(files) == 1 and files[0].suffix.lower() == ".npy":
        maps = _read_array(files[0])
        maps = maps[None] if maps.ndim == 3 else maps
        _check_count(reference, len(maps), frames)
    else:
        _check_count(reference, len(files), frames)
        maps = np.stack([_check_size(file, _read_one(file), size) for file in files])
    _check_size(files[0], maps[0], size)
    if channels == "vui":
        maps = maps[..., ::-1]
    _check_parts(files, maps, channels)
    # What a detector leaves in U and V of the background has no meaning.
    return np.where(maps[..., :1] > 0, maps, 0).astype(np.uint8)


def _natural_order(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Return a key that puts frame_9 before frame_10."""
    words = re.split(r"(\d+)", path.name)
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words], path.name


def _check_count(reference: str, found: int, frames: int) -> None:
    if found != frames:
        raise DataError(
            f"iuv.folder={reference} holds {found} pictures, but num_frames={frames}: give one per frame, choose them "
            f"with a pattern, or set num_frames={found}"
        )


def _read_one(path: Path) -> Array:
    return _read_array(path) if path.suffix.lower() == ".npy" else _read_png(path)


def _read_png(path: Path) -> Array:
    _check_bytes(path)
    picture = read_image(path, advice="write it again", formats=("PNG",))
    if picture.mode != "RGB":
        raise DataError(
            f"{path} has pixels of kind {picture.mode}, but I, U and V are three channels of 8 bits (RGB): {_ADVICE}"
        )
    return np.asarray(picture)


def _read_array(path: Path) -> Array:
    _check_bytes(path)
    array = read_npy(path, advice="write it again with numpy.save")
    if array.ndim not in (3, 4) or array.shape[-1] != 3 or 0 in array.shape:
        raise DataError(
            f"{path}: expected (H, W, 3), or (T, H, W, 3) of all frames, with I, U and V; got {array.shape}"
        )
    if array.dtype != np.uint8:
        raise DataError(
            f"{path} holds {array.dtype}, but uint8 is needed: I as it is, U and V as 255 times their value, rounded"
        )
    return array


def _check_bytes(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if size > MAX_FILE_BYTES:
        raise DataError(f"{path} has {size} bytes, more than {MAX_FILE_BYTES}: it is not the map of a frame")


def _check_size(path: Path, one: Array, size: int) -> Array:
    if one.shape != (size, size, 3):
        found = "x".join(map(str, one.shape[1::-1])) if one.ndim == 3 else str(one.shape)
        raise DataError(
            f"{path} is {found} pixels, but the pictures of this setup are {size}x{size} (setup.image_size): run the "
            "detector on pictures of that size, or resize its maps without interpolation (nearest)"
        )
    return one


def _check_parts(files: Sequence[Path], maps: Array, channels: str) -> None:
    """Refuse maps whose first channel is not a part number, or that show no part at all."""
    largest = maps[..., 0].max(axis=(1, 2))
    if (largest > NUM_PARTS).any():
        frame = int(np.argmax(largest > NUM_PARTS))
        name = files[frame] if len(files) == len(maps) else f"{files[0]}, frame {frame}"
        other = "vui" if channels == "iuv" else "iuv"
        hint = f"set iuv.channels={other}" if (maps[..., 2] <= NUM_PARTS).all() else "check what the detector writes"
        raise DataError(
            f"{name}: I, the {'first' if channels == 'iuv' else 'last'} channel with iuv.channels={channels}, is "
            f"{largest[frame]} somewhere, but must be 0 to {NUM_PARTS}: {hint}"
        )
    if not largest.any():
        raise DataError(f"{files[0].parent}: no picture shows a body part (I is 0 everywhere); check iuv.channels")
