"""The features by which pixels of one body part are compared: [U, V, E] (paper, section 3.3).

U and V are the chart coordinates of DensePose; E is the distance of a pixel from the middle of the part in the picture,
which separates pixels whose (coarse) chart coordinates are equal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentman.errors import check_choice

OFFICIAL_E_MAX = 63.75
"""A quarter of 255: the largest E of a part in the released code, whatever the part's size in pixels."""

FloatArray = NDArray[np.float64]


def _official(uv: FloatArray, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Zero-mean U, V; Manhattan distance to the middle of the part's bounding box, scaled to a maximum of 63.75.

    The released code spaces the s pixels of a side evenly from -s/2 to s/2, ends included, so that coordinates are
    stretched by s / (s - 1); a side of one pixel is at -1/2.
    """
    low = pixels.min(axis=0)
    side = pixels.max(axis=0) - low + 1
    stretch = np.where(side > 1, side / np.maximum(side - 1, 1), 1.0)
    distance = np.abs((pixels - low) * stretch - side / 2).sum(axis=1)
    # Never zero: every bounding box has a pixel on its edge.
    return uv - uv.mean(axis=0), distance * (OFFICIAL_E_MAX / distance.max())


def _paper(uv: FloatArray, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """U, V unchanged; Euclidean distance to the part's centroid, in pixels of the matching grid."""
    return uv, np.sqrt(((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1))


FEATURES: dict[str, Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]] = {
    "official": _official,
    "paper": _paper,
}
"""The function of each value of ``correspondence.features``."""


def part_features(
    uv: NDArray[np.uint8], pixels: NDArray[np.integer], *, features: str, e_weight: float = 1.0
) -> FloatArray:
    """Return the features [U, V, E] (n, 3) of the pixels of one part in one frame.

    ``official`` is what the released code computes: U and V are made zero-mean per part and frame, and E is the
    Manhattan distance to the middle of the part's bounding box, in coordinates that run from -s/2 to s/2 along a side
    of s pixels, scaled so that its maximum is 63.75. ``paper`` follows section
    3.3 literally: U and V unchanged, E the Euclidean distance to the part's centroid, in pixels.

    Args:
        uv: (n, 2) chart coordinates, 0 to 255.
        pixels: (n, 2) row and column of each pixel.
        features: ``official`` or ``paper``.
        e_weight: factor on E; 0 compares chart coordinates alone.

    Raises:
        ConfigError: if ``features`` is unknown.
    """
    check_choice("correspondence.features", features, FEATURES)
    if len(uv) == 0:
        return np.empty((0, 3))
    chart, distance = FEATURES[features](uv.astype(np.float64), pixels.astype(np.float64))
    return np.column_stack([chart, e_weight * distance])
