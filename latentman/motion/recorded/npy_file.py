"""``.npy`` files: arrays of joints, features or poses by their shape, and pickled tables that programs save."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentman.files.opening import missing_as, open_file, reading
from latentman.motion.recorded import joints_file
from latentman.motion.recorded.archive import read_array
from latentman.motion.recorded.estimated import estimated_recording, unwrapped
from latentman.motion.recorded.mdm_results import is_mdm_results, mdm_recording
from latentman.motion.recorded.pickle_file import read_content
from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.smpl_arrays import smpl_recording
from latentman.motion.recorded.tracks import only_track
from latentman.system.pickle_records import ARRAY_NAMES
from latentman.types import Array

_MOTION_X = 322
"""Motion-X (Lin et al., NeurIPS 2023): 66 numbers of the body's pose first, the root's path at 309, 30 a second."""

_MOTION_X_RATE = 30.0
_POSES = (66, 72, 132, 144, 156, 165, 198, 216, 312, 330)
"""Widths of flat poses: axis-angle, six numbers a joint, or matrices."""


def read_npy(path: Path, track: str | None) -> Recording:
    """Return the recording of an .npy file.

    Raises:
        ConfigError: if ``track`` does not name a motion of the file.
        ShapeError: if the array is not one of joints, features or poses.
        DataError: if the file is damaged, or names anything but plain data.
    """
    header = _header(path)
    if header is None:
        return joints_file.read_npy(path)  # which says what is wrong with it
    shape, kind, start = header
    if kind == "O":
        content = unwrapped(read_content(path, ARRAY_NAMES, start))
        read = mdm_recording if is_mdm_results(content) else estimated_recording
        return read(path, content, track)
    only_track(path, track)
    if len(shape) == 2 and shape[1] == _MOTION_X:
        return _motion_x(path, read_array(path))
    if (len(shape) == 2 and shape[1] in _POSES) or shape[2:] in ((6,), (3, 3)):
        return smpl_recording(path, {"pose": read_array(path)})
    return joints_file.read_npy(path)


def _header(path: Path) -> tuple[tuple[int, ...], str, int] | None:
    """Return shape, kind of numbers and place of the first byte of an array, or None if there is no header."""
    advice = "check motion.file"
    with missing_as(path, advice=advice), reading(path, advice=advice), open_file(path) as file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
        except Exception:  # a damaged header may fail in any way
            return None
        return tuple(shape), dtype.kind, file.tell()
    raise AssertionError  # reading() never swallows


def _motion_x(path: Path, array: Array) -> Recording:
    poses, root = array[:, :66], array[:, 309:312]
    return smpl_recording(path, {"pose": poses, "trans": root, "fps": _MOTION_X_RATE}, usual_up="y")
