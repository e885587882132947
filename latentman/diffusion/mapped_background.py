"""A background that follows the scene's map: its latents, its initial noise and its guidance come from earlier frames.

Not in the paper. With a camera that moves, a point of the background is at another place in every frame. The scene's
map says where (``correspondence/background.py``). Latents and noise are looked up, never averaged, so that they keep
their variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentman.correspondence.background import BackgroundMap, nearest_claims
from latentman.diffusion.matches import Matches, as_pixels
from latentman.diffusion.schedule import seeded_noise
from latentman.errors import ShapeError

_STREAM = 1 << 23
"""Stream of the seed of new noise, separate from the streams of the initial noise and of DDIM's steps."""


@dataclass(frozen=True)
class BackgroundCells:
    """The background's map as tensors of one device, T entries of each.

    ``target`` and ``source`` (2, K) int64 are rows and columns of a frame's cells and of their sources, ``frame`` (K,)
    int64 the frames that the sources are in.
    """

    target: tuple[Tensor, ...]
    source: tuple[Tensor, ...]
    frame: tuple[Tensor, ...]
    size: int


def placed_background(background: BackgroundMap, device: torch.device) -> BackgroundCells:
    """Return a map on a device."""
    return BackgroundCells(
        target=tuple(as_pixels(target, device) for target in background.target),
        source=tuple(as_pixels(background.source(i), device) for i in range(len(background))),
        frame=tuple(torch.from_numpy(frame.astype("int64")).to(device) for frame in background.frame),
        size=background.size,
    )


def guiding_background(background: BackgroundMap, device: torch.device) -> Matches:
    """Return a map to the previous frame on a device, in the form that Pixel-Wise Guidance reads."""
    cells = placed_background(background, device)
    positions = tuple(torch.from_numpy(position).to(device) for position in background.position)
    return Matches(cells.target, cells.source, positions, background.size, "prev")


def follow_background(latents: Tensor, cells: BackgroundCells) -> Tensor:
    """Return latents (T, C, h, w) whose background is that of earlier frames; the input is not changed.

    The chain is sequential, as in Eq. 6: a frame takes latents that have themselves been followed.

    Raises:
        ShapeError: if the map and the latents differ in grid or number of frames.
    """
    frames, _, height, width = latents.shape
    if (frames, height, width) != (len(cells.target), cells.size, cells.size):
        raise ShapeError(
            f"mapped background: latents of {frames} frames at {height}x{width} do not fit a map of "
            f"{len(cells.target)} frames at {cells.size}x{cells.size}"
        )
    followed = latents.clone()
    for i, ((row, col), (s_row, s_col), frame) in enumerate(zip(cells.target, cells.source, cells.frame, strict=True)):
        if len(frame):
            followed[i][:, row, col] = followed[frame, :, s_row, s_col].T
    return followed


def carried_noise(noise: Tensor, background: BackgroundMap, seed: int) -> Tensor:
    """Return initial noise (T, C, h, w) whose background is carried along the map; the input is not changed.

    Within the background of a frame, no value is taken twice, so that its cells stay independent: of several cells
    whose noise has one origin, the nearest to its source takes it. The others, and cells that no earlier frame shows,
    get new noise.

    Args:
        noise: standard normal, (T, C, h, w).
        background: on the latent grid.
        seed: of the run.
    """
    carried, size = noise.clone(), background.size
    origin = np.arange(len(background) * size**2).reshape(len(background), size, size)
    for i in range(1, len(background)):
        fresh = seeded_noise((1, *noise.shape[1:]), seed, stream=_STREAM + i)[0]
        for cells in (background.target[i], background.unseen[i]):
            row, col = as_pixels(cells, noise.device)
            carried[i][:, row, col] = fresh[:, row, col]
        frame, source = background.frame[i], background.source(i)
        claimed = origin[frame, source[:, 0], source[:, 1]]
        kept = nearest_claims(claimed, ((background.position[i] - source) ** 2).sum(1))
        row, col = as_pixels(background.target[i][kept], noise.device)
        s_row, s_col = as_pixels(source[kept], noise.device)
        carried[i][:, row, col] = carried[torch.from_numpy(frame[kept].astype("int64")), :, s_row, s_col].T
        origin[i][tuple(background.target[i][kept].T)] = claimed[kept]
    return carried
