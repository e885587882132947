"""The exact map as the judge of every run, independent of the map that guided the run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from latentman.correspondence.mesh import carry, match_mesh
from latentman.types import BodySequence, Conditions, Correspondence, source_frame


@dataclass(frozen=True, slots=True)
class Flow:
    """The exact source of a frame's figure pixels: ``pixel`` (N, 2) int32, ``position`` (N, 2) float64 (row, col).

    Both are indices of one grid, whose samples are at whole numbers. Only pixels whose point is visible in both frames
    are included.
    """

    pixel: NDArray[np.int32]
    position: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judge:
    """The ground truth of a clip, from its mesh.

    ``side`` is the side of the picture, in pixels. ``flows`` has T - 1 entries: entry i - 1 leads from frame i to frame
    i - 1, in pixels of the full picture. ``map`` is the exact map of consecutive frames on the metric grid, with one
    target per source. ``truths`` has T - 1 entries, on the metric grid: entry i - 1 leads from frame i to the frame
    from which the judged map takes its colours.
    """

    side: int
    flows: tuple[Flow, ...]
    map: Correspondence
    truths: tuple[Flow, ...]


def call_judge(body: BodySequence, conditions: Conditions, *, size: int, reference: str) -> Judge:
    """Make the exact maps of a clip.

    Args:
        body: the mesh that the conditions were drawn from.
        conditions: the conditions.
        size: the metric grid.
        reference: the reference rule of the map to be judged.

    Raises:
        ShapeError: if body and conditions do not match, or ``size`` does not divide the picture.
    """
    frames, side = len(conditions.mask), conditions.mask.shape[1]
    later = range(1, frames)
    return Judge(
        side=side,
        flows=tuple(_flow(body, conditions, i, i - 1, side) for i in later),
        map=match_mesh(body, conditions, size=size, reference="prev"),
        truths=tuple(_flow(body, conditions, i, source_frame(reference, i), size) for i in later),
    )


def sample(picture: NDArray[np.uint8], position: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the colours (N, C) of a picture (H, W, C) at continuous (row, col) indices (N, 2), bilinearly.

    Positions outside the outermost samples take the nearest sample's colour.
    """
    at = position.T.astype(np.float64)
    channels = np.moveaxis(picture, -1, 0).astype(np.float64)
    return np.stack([map_coordinates(channel, at, order=1, mode="nearest") for channel in channels], axis=-1)


def _flow(body: BodySequence, conditions: Conditions, frame: int, to: int, size: int) -> Flow:
    carried = carry(body, conditions, frame=frame, to=to, size=size)
    return Flow(carried.target[carried.visible], carried.position[carried.visible])
