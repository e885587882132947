"""The map M of the background: where earlier frames show the points of the scene that a frame shows behind its figures.

The ray of a background cell ends on the floor, on a wall or in the sky (``render/scene.py``). An earlier frame has that
point where its own camera projects it, exactly and with sub-pixel precision; it is visible there unless it is outside
the picture or a figure is in front of it. Nothing else can hide it, since the scene is convex.

A cell may be matched with the frame before, or with the earliest frame that shows its point. The second does not add up
the rounding of a chain, and finds a point again that a figure has hidden for a while.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from latentman.correspondence.mesh import nearest_sample
from latentman.errors import ShapeError, check_choice
from latentman.render.scene import OPEN, Hits, cast, earlier, find_in
from latentman.types import Conditions

MARGIN = 1
"""Cells around a figure that count as figure: what is painted or interpolated there includes some of the figure."""

SOURCES = ("earliest", "previous")

Pixels = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BackgroundMap:
    """The background's map on a ``size`` x ``size`` grid: T entries of each, empty for frame 0.

    Cell ``target[i][k]`` of frame i, (K, 2) int32 (row, col), shows the same point as the continuous (row, col) index
    ``position[i][k]``, (K, 2) float32, of frame ``frame[i][k]``, (K,) int32. Targets are in reading order; several may
    share their nearest source. ``unseen[i]`` (U, 2) int32 are the background's cells that no earlier frame shows.
    """

    target: tuple[Pixels, ...]
    frame: tuple[Pixels, ...]
    position: tuple[Floats, ...]
    unseen: tuple[Pixels, ...]
    size: int

    def __len__(self) -> int:
        """Return T."""
        return len(self.target)

    def source(self, index: int) -> Pixels:
        """Return the cells (K, 2) nearest to the positions of frame ``index``."""
        return nearest_sample(self.position[index].astype(np.float64)).clip(0, self.size - 1)


def map_background(
    conditions: Conditions, *, size: int, sources: str = "earliest", margin: int = MARGIN
) -> BackgroundMap:
    """Return the background's map of every frame of a clip.

    Without a scene the map is that of a camera that stands still; for a camera that moves, it is not defined.

    Args:
        conditions: of the clip.
        size: side of the grid; a divisor of the picture's. As in :func:`~latentman.correspondence.mesh.match_mesh`,
            a cell is where its top-left pixel is.
        sources: ``earliest`` or ``previous``: the frames that cells are matched with.
        margin: cells around a figure that do not count as background.

    Raises:
        ConfigError: if ``sources`` is unknown.
        ShapeError: if ``size`` does not divide the picture, or the camera moves and there is no scene.
    """
    check_choice("sources", sources, SOURCES)
    if conditions.scene is None and conditions.camera_moves:
        raise ShapeError(
            "the background has no map: the camera moves, and the conditions hold no scene; add scene=floor or "
            "scene=room, and delete conditions.npz to have it drawn again"
        )
    scene = conditions.scene or OPEN
    shown = background_cells(conditions.mask, size, margin)
    step = conditions.mask.shape[1] // size
    targets, frames = [np.empty((0, 2), np.int32)], [np.empty(0, np.int32)]
    positions, unseen = [np.empty((0, 2), np.float32)], [np.empty((0, 2), np.int32)]
    for i in range(1, len(shown)):
        target = np.argwhere(shown[i]).astype(np.int32)
        hits = cast(scene, conditions.cameras[i], target.astype(np.float64) * step)
        frame, position = np.full(len(target), -1, np.int32), np.zeros((len(target), 2), np.float32)
        for j in range(i) if sources == "earliest" else (i - 1,):
            rest = np.flatnonzero(frame < 0)
            remaining = Hits(hits.surface[rest], hits.point[rest], hits.depth[rest])
            place, known = find_in(scene, conditions.cameras[j], earlier(scene, remaining, i - j))
            place = np.where(known[:, None], place, -1e6) / step
            cell = nearest_sample(place)
            known &= (cell >= 0).all(1) & (cell < size).all(1)
            known[known] = shown[j][tuple(cell[known].T)]
            frame[rest[known]], position[rest[known]] = j, place[known]
        found = frame >= 0
        targets.append(target[found])
        frames.append(frame[found])
        positions.append(position[found])
        unseen.append(target[~found])
    return BackgroundMap(tuple(targets), tuple(frames), tuple(positions), tuple(unseen), size)


def background_cells(mask: NDArray[np.bool_], size: int, margin: int = MARGIN) -> NDArray[np.bool_]:
    """Return the cells (T, size, size) that no figure of masks (T, H, W) comes near.

    Args:
        mask: true on the figures.
        size: side of the grid.
        margin: cells around a cell with a pixel of a figure that do not count as background.

    Raises:
        ShapeError: if ``size`` does not divide the picture.
    """
    frames, height, width = mask.shape
    if height != width or height % size:
        raise ShapeError(f"masks of {height}x{width} cannot be brought to a {size}x{size} grid")
    step = height // size
    covered = mask.reshape(frames, size, step, size, step).any((2, 4))
    reach = 2 * margin + 1
    return np.asarray(~maximum_filter(covered, size=(1, reach, reach), mode="constant", cval=0))


def nearest_claims(claimed: NDArray[np.int64], distance: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return which of several claims (K,) are kept, ascending: for every value claimed, the one at the least distance.

    Among equals, the first is kept.
    """
    order = np.lexsort((np.arange(len(claimed)), distance, claimed))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(claimed[order]) > 0
    return np.sort(order[first])
