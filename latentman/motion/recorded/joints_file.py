"""Files of joints or of HumanML3D's features: a run's own ``motion.npz``, and the ``.npy`` files of HumanML3D."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from latentman.errors import DataError, ShapeError
from latentman.motion import humanml3d
from latentman.motion.recorded.archive import read_array
from latentman.motion.recorded.arrays import bounded, numbers
from latentman.motion.recorded.recording import Recording
from latentman.types import NUM_JOINTS, Array

_SKELETONS = (NUM_JOINTS, 24)
"""Numbers of joints of HumanML3D's order: without and with SMPL's hands."""


def joints_recording(path: Path, data: Mapping[str, Array]) -> Recording:
    """Return the recording of an archive with ``joints`` (T, 22, 3) or (T, 24, 3) and, if it has them, fps and text."""
    text = str(data["text"]) if "text" in data else ""
    rate = data.get("fps")
    return Recording(
        path=path,
        joints=_in_order(path, data["joints"]),
        rate=rate,
        rate_stated="" if rate is None else f"fps={rate}",
        usual_rate=humanml3d.FPS,
        text=text or None,
    )


def read_npy(path: Path) -> Recording:
    """Return the recording of an .npy file with features (T, 263) or joints (T, 22, 3) of HumanML3D, 20 a second.

    Raises:
        DataError: if it is damaged, or the features are normalised.
        ShapeError: if the array has another shape.
    """
    array = read_array(path)
    if array.ndim == 2 and array.shape[1] == humanml3d.NUM_FEATURES:
        joints = humanml3d.recover(_features(path, array))
    else:
        joints = _in_order(path, array)
    return Recording(path=path, joints=joints, rate=humanml3d.FPS)


def _in_order(path: Path, array: Array) -> Array:
    """Refuse an array that does not have the shape of joints in HumanML3D's order."""
    if array.ndim != 3 or array.shape[2] != 3 or array.shape[1] not in _SKELETONS:
        raise ShapeError(
            f"{path}: expected joints (T, 22, 3) or (T, 24, 3) in HumanML3D's order, or features (T, 263) in a .npy, "
            f"got {array.shape}"
        )
    return array


def _features(path: Path, array: Array) -> Array:
    """Return features (T, 263) unless they were normalised: contacts are near 0 or 1, and a pelvis above the floor."""
    values = bounded(path, "features", numbers(path, "features", array))
    height = float(np.median(values[:, humanml3d.ROOT_HEIGHT]))
    if values[:, humanml3d.CONTACTS].min() < -0.75 or not 0.02 < height < 3:
        raise DataError(
            f"{path}: these features look normalised, with the pelvis at {height:.2f} m: multiply them by Std.npy and "
            "add Mean.npy first"
        )
    return values
