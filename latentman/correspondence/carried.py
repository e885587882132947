"""Frames rebuilt from their references by the map M, as in the supplement's Figure 2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.errors import ShapeError
from latentman.types import Correspondence


def carried(pictures: NDArray[np.uint8], correspondence: Correspondence) -> NDArray[np.uint8]:
    """Return every frame rebuilt from the pixels of its reference, black where a pixel has no match.

    Args:
        pictures: (T, size, size, C) on the map's grid, such as IUV maps or frames.
        correspondence: the map M.

    Returns:
        (T, size, size, C): frame 0 is unchanged, since it has no reference.

    Raises:
        ShapeError: if the pictures are not on the map's grid.
    """
    frames, size = len(correspondence.pairs), correspondence.size
    if pictures.ndim != 4 or pictures.shape[:3] != (frames, size, size):
        raise ShapeError(f"carried: expected pictures ({frames}, {size}, {size}, C), got {pictures.shape}")
    result = np.zeros_like(pictures)
    result[0] = pictures[0]
    for i, (target, source) in enumerate(correspondence.pairs[1:], start=1):
        result[i][tuple(target.T)] = pictures[correspondence.source_frame(i)][tuple(source.T)]
    return result
