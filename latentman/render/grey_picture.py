"""The body as a grey figure lit from the camera: what the released code showed to its DensePose detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.render.normal_picture import draw_normals
from latentman.types import BodySequence, Conditions

AMBIENT = 0.25
"""Brightness of a surface seen edge on; one that faces the camera has 0.85."""

FACING = 0.6


def draw_grey(body: BodySequence, conditions: Conditions) -> NDArray[np.float32]:
    """Return the shaded body of every frame on black, (T, H, W, 3) float32, 0 to 1."""
    towards = 2 * draw_normals(body, conditions)[..., 2:] - 1
    grey = AMBIENT + FACING * np.clip(towards, 0, 1)
    return np.repeat(np.where(conditions.mask[..., None], grey, 0), 3, axis=-1).astype(np.float32)
