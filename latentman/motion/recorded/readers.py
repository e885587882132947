"""The table of readers: by the suffix of a file, and for archives of arrays by the names of the arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from latentman.errors import ConfigError, DataError
from latentman.motion.recorded.recording import Reader, Recording
from latentman.motion.recorded.smpl_arrays import POSE_NAMES, smpl_recording
from latentman.motion.recorded.tracks import only_track
from latentman.types import Array

ArrayReader = Callable[[Path, Mapping[str, Array]], Recording]
"""Makes a recording of the named arrays of a file."""


def _bvh(path: Path, rig: str, track: str | None) -> Recording:
    from latentman.motion.recorded.bvh_clip import bvh_recording

    only_track(path, track)
    return bvh_recording(path, rig)


def _gltf(path: Path, rig: str, track: str | None) -> Recording:
    from latentman.motion.recorded.gltf_clip import gltf_recording

    return gltf_recording(path, rig, track)


def _npz(path: Path, rig: str, track: str | None) -> Recording:
    from latentman.motion.recorded.archive import Archive

    only_track(path, track)
    return read_array_file(path, Archive(path))


def _npy(path: Path, rig: str, track: str | None) -> Recording:
    from latentman.motion.recorded.npy_file import read_npy

    return read_npy(path, track)


def _pkl(path: Path, rig: str, track: str | None) -> Recording:
    from latentman.motion.recorded.pickle_file import read_pkl

    return read_pkl(path, track)


def _pt(path: Path, rig: str, track: str | None) -> Recording:
    from latentman.motion.recorded.pickle_file import read_pt

    return read_pt(path, track)


READERS: dict[str, Reader] = {
    ".bvh": _bvh,
    ".npz": _npz,
    ".npy": _npy,
    ".gltf": _gltf,
    ".glb": _gltf,
    ".pkl": _pkl,
    ".pickle": _pkl,
    ".joblib": _pkl,
    ".pt": _pt,
    ".pth": _pt,
}
"""How each kind of file is read, by its suffix in lower case."""


def _smpl(path: Path, data: Mapping[str, Array]) -> Recording:
    return smpl_recording(path, data)


def _joints(path: Path, data: Mapping[str, Array]) -> Recording:
    from latentman.motion.recorded.joints_file import joints_recording

    return joints_recording(path, data)


ARRAY_READERS: list[tuple[tuple[str, ...], ArrayReader]] = [
    (POSE_NAMES, _smpl),
    (("joints",), _joints),
]
"""Readers of named arrays, each behind the names of which any one calls for it; the first that fits is taken."""


def read_array_file(path: Path, data: Mapping[str, Array]) -> Recording:
    """Return the recording that named arrays describe, by the first fitting row of :data:`ARRAY_READERS`.

    Raises:
        DataError: if no reader knows any of the names.
    """
    for names, read in ARRAY_READERS:
        if any(name in data for name in names):
            return read(path, data)
    raise DataError(
        f"motion.file={path} holds {', '.join(data) or 'nothing'}: expected joints (T, 22, 3) and fps, or AMASS's "
        "poses, trans and mocap_framerate"
    )


def read(path: Path, rig: str = "auto", track: str | None = None) -> Recording:
    """Return what a motion file holds, by the reader for its suffix.

    Args:
        path: the file.
        rig: ``motion.rig``.
        track: ``motion.track``, which of several motions in the file is meant.

    Raises:
        ConfigError: if no reader is known for the suffix, or the rig or the track is not valid.
        DataError: if the file cannot be parsed.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        kinds = ", ".join(READERS)
        raise ConfigError(f"motion.file={path}: '{path.suffix}' is not a known kind of motion file: use one of {kinds}")
    return reader(path, rig, track)
