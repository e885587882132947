"""The statistics that normalise a motion model's features: finding them, and checking that they are the right ones."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from latentman.errors import WeightsError
from latentman.files.npz_file import read_npy
from latentman.files.opening import missing_as
from latentman.files.schema import ArrayOf
from latentman.motion.humanml3d import RIC, ROOT_HEIGHT, Statistics
from latentman.motion.learned.checkpoint_file import NO_SMPL
from latentman.types import Array

log = logging.getLogger("latentman.motion")

RELATIVE = ("Mean.npy", "Std.npy")
ABSOLUTE = ("Mean_abs_3d.npy", "Std_abs_3d.npy")
"""GMD's files, for a root in world coordinates."""

_ORIGINS = {
    RELATIVE: "they ship with the HumanML3D data set's repository (github.com/EricGuo5513/HumanML3D, MIT), "
    "in its folder HumanML3D",
    ABSOLUTE: "they ship with the project guided-motion-diffusion (github.com/korrawe/guided-motion-diffusion)",
}


def find_statistics(
    configured: str | None, checkpoint: Path, weights: Path, *, names: tuple[str, str] = RELATIVE
) -> Statistics:
    """Return the statistics from ``motion.statistics``, else from next to the checkpoint, else from the weights folder.

    Args:
        configured: ``motion.statistics``, a folder.
        checkpoint: the model's weights file.
        weights: the folder of the user's weights; its subfolder ``humanml3d`` is searched.
        names: file names of mean and standard deviation.

    Raises:
        WeightsError: naming the missing file and the searched places, or what is wrong with the file.
    """
    if configured is not None:
        places = [Path(configured).expanduser().absolute()]
    else:
        places = [checkpoint.parent, weights / "humanml3d"]
    for place in places:
        if all((place / name).is_file() for name in names):
            return _read(place, names)
    near = next((place for place in places if any((place / name).is_file() for name in names)), None)
    lacking = " and ".join(name for name in names if near is None or not (near / name).is_file())
    key = f"motion.statistics={configured}: " if configured is not None else ""
    raise WeightsError(
        f"{key}{lacking} not found in {' or '.join(str(near or place) for place in ([near] if near else places))}; "
        f"{_ORIGINS[names]}; copy both files next to the checkpoint or to {weights / 'humanml3d'}, or set "
        f"motion.statistics to their folder; {NO_SMPL}"
    )


def _read(folder: Path, names: tuple[str, str]) -> Statistics:
    mean, std = (read_array(folder / name) for name in names)
    try:
        statistics = Statistics(mean, std)
    except WeightsError as error:
        raise WeightsError(f"the statistics in {folder} cannot be used: {error}") from error
    # In the released files the height's deviation is similar to the joints' deviation; the evaluators' is 25 times
    # smaller.
    if std[ROOT_HEIGHT].mean() < 0.2 * std[RIC].mean():
        log.warning(
            "%s looks like the statistics of HumanML3D's evaluators (t2m_std.npy), whose root is 25 times smaller: "
            "motions will barely move; use %s of the data set itself",
            folder / names[1],
            " and ".join(names),
        )
    return statistics


def read_array(file: Path) -> Array:
    """Return the array in an .npy file in double precision; nothing is unpickled.

    Raises:
        WeightsError: if the file is damaged or does not hold numbers.
    """
    advice = "download it again"
    with missing_as(file, error=WeightsError, advice=advice):
        return read_npy(file, error=WeightsError, advice=advice, wanted=ArrayOf("fiu", is_finite=False)).astype(
            np.float64
        )
    raise AssertionError  # missing_as() never swallows
