"""Another frame rate: joints between the frames that there are."""

from __future__ import annotations

import numpy as np

from latentman.errors import DataError
from latentman.types import Array


def resample(joints: Array, fps: float, target: float) -> Array:
    """Return joints (T, J, 3) at ``target`` instead of ``fps`` frames a second, from the first frame on.

    A rate that is a whole multiple of the target is decimated, as HumanML3D was made from its sources. Any other is
    interpolated linearly between the two neighbouring frames, which shortens a bone by its turn between them: 0.4 % at
    10 degrees a frame.

    Raises:
        DataError: if a rate is not above 0.
    """
    if not (fps > 0 and target > 0):
        raise DataError(f"cannot resample from {fps:g} to {target:g} frames a second: both must be above 0")
    ratio = fps / target
    if abs(ratio - round(ratio)) < 1e-6 and ratio >= 1:
        return np.ascontiguousarray(joints[:: round(ratio)])
    # The small term keeps a last frame that falls upon a frame but for rounding.
    times = np.arange(int((len(joints) - 1) / ratio + 1e-6) + 1) * ratio
    low = np.minimum(times.astype(int), max(len(joints) - 2, 0))
    high = np.minimum(low + 1, len(joints) - 1)
    weight = np.clip(times - low, 0.0, 1.0)[:, None, None]
    between: Array = joints[low] * (1 - weight) + joints[high] * weight
    return between
