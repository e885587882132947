"""IUV maps like DensePose's: the body part of each pixel and its coordinates in the part, exact, not estimated."""

from __future__ import annotations

import numpy as np

from latentman.body.charts import FOLDED_PARTS, OTHER_HALF
from latentman.types import MAX_CHARACTERS, NUM_PARTS, Array

_BEYOND = np.array([0, *(NUM_PARTS * k + part for k in range(MAX_CHARACTERS) for part in OTHER_HALF[1:])])
_FOLDED = np.isin(
    np.arange(len(_BEYOND)), [NUM_PARTS * k + part for k in range(MAX_CHARACTERS) for part in FOLDED_PARTS]
)


def draw_iuv(face: Array, bary: Array, part: Array, corner_uv: Array) -> Array:
    """Return the IUV map of a rasteriser's output.

    A pixel whose U exceeds the range of its face's part is beyond the seam, in the part on the other side.

    Args:
        face: (..., H, W) face index, -1 for nothing.
        bary: (..., H, W, 3) barycentric coordinates in the face.
        part: (F,) part of each face, 1 to 24; each further character adds 24.
        corner_uv: (F, 3, 2) coordinates of each face's corners.

    Returns:
        (..., H, W, 3) uint8: part (0 for nothing), and U and V as 255 times their value.
    """
    iuv = np.zeros((*face.shape, 3), dtype=np.uint8)
    seen = face >= 0
    index = face[seen]
    uv = (corner_uv[index].astype(np.float64) * bary[seen][..., None]).sum(-2)
    label, u = _cross_seams(part[index], uv[:, 0])
    iuv[seen] = np.stack([label, *(np.rint(255 * np.clip(x, 0, 1)) for x in (u, uv[:, 1]))], axis=-1)
    return iuv


def _cross_seams(label: Array, u: Array) -> tuple[Array, Array]:
    """Give the pixels with U below 0 or above 1 to the part beyond the seam."""
    other = _BEYOND[label]
    crossed = ((u < 0) | (u > 1)) & (other != label)
    started_anew = np.where(u < 0, u + 1, u - 1)
    mirrored = np.where(u < 0, -u, 2 - u)
    beyond = np.where(_FOLDED[label], mirrored, started_anew)
    return np.where(crossed, other, label), np.where(crossed, beyond, u)
