"""The statistics that a motion model's features are normalised by: where they lie, whether they are the right ones."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from latentman.errors import WeightsError
from latentman.motion.humanml3d import RIC, ROOT_HEIGHT, Statistics
from latentman.motion.learned.checkpoint_file import NO_SMPL
from latentman.system.paths import user_path
from latentman.types import Array

log = logging.getLogger("latentman.motion")

RELATIVE = ("Mean.npy", "Std.npy")
ABSOLUTE = ("Mean_abs_3d.npy", "Std_abs_3d.npy")
"""GMD's, whose root is in world coordinates."""

_ORIGINS = {
    RELATIVE: "they ship with the HumanML3D data set's repository (github.com/EricGuo5513/HumanML3D, MIT), "
    "in its folder HumanML3D",
    ABSOLUTE: "they ship with the project guided-motion-diffusion (github.com/korrawe/guided-motion-diffusion)",
}


def find_statistics(
    configured: str | None, checkpoint: Path, weights: Path, *, names: tuple[str, str] = RELATIVE
) -> Statistics:
    """Return the statistics from ``motion.statistics``, else beside the checkpoint, else from the weights' folder.

    Args:
        configured: ``motion.statistics``, a folder.
        checkpoint: the model's weights file.
        weights: the folder of the user's weights; its ``humanml3d`` is looked at.
        names: file names of mean and standard deviation.

    Raises:
        WeightsError: naming the file that is missing, with the places that were looked at, or what is wrong in it.
    """
    if configured is not None:
        places = [user_path(configured).absolute()]
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
        f"{_ORIGINS[names]}; put both files beside the checkpoint or in {weights / 'humanml3d'}, or name their folder "
        f"with motion.statistics; {NO_SMPL}"
    )


def _read(folder: Path, names: tuple[str, str]) -> Statistics:
    mean, std = (read_array(folder / name) for name in names)
    try:
        statistics = Statistics(mean, std)
    except WeightsError as error:
        raise WeightsError(f"the statistics in {folder} cannot be used: {error}") from error
    # In the released files the height's deviation is about that of the joints; the evaluators' is 25 times smaller.
    if std[ROOT_HEIGHT].mean() < 0.2 * std[RIC].mean():
        log.warning(
            "%s looks like the statistics of HumanML3D's evaluators (t2m_std.npy), whose root is 25 times smaller: "
            "motions will barely move; take %s of the data set itself",
            folder / names[1],
            " and ".join(names),
        )
    return statistics


def read_array(file: Path) -> Array:
    """Return the numbers of an .npy file in double precision; nothing is unpickled.

    Raises:
        WeightsError: if the file is damaged or holds no numbers.
    """
    try:
        return np.load(file, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise WeightsError(f"cannot read {file}: {error}; fetch it again") from error
