"""The initial noise x_T of every frame.

``shared``, the paper's choice, is the same for all. ``independent`` is drawn for each frame. ``uv`` moves with the
body: a cell that shows the figure takes its noise from a texture on the surface, so that a point of the body starts
from the same noise wherever it moves; the background is shared. Values are looked up, never averaged: each stays
standard normal.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentman.diffusion.schedule import seeded_noise
from latentman.errors import ShapeError

_INDEPENDENT, _TEXTURE = 1 << 20, 1 << 21
"""Streams of the seed, separate from the streams of DDIM's steps."""


def initial_noise(
    name: str, shape: tuple[int, int, int, int], seed: int, *, iuv: NDArray[np.uint8] | None = None, texels: int = 16
) -> Tensor:
    """Return standard normal noise (T, C, h, w).

    Args:
        name: ``shared``, ``independent`` or ``uv``.
        shape: (T, C, h, w).
        seed: of the run.
        iuv: (T, H, W, 3) part, U and V, for ``uv``.
        texels: samples of the texture along each side of a part's chart, for ``uv``.

    Raises:
        ShapeError: if the size of the maps is not a multiple of the latent grid's.
    """
    frames, channels, height, width = shape
    if name == "independent":
        return torch.cat(
            [seeded_noise((1, *shape[1:]), seed, stream=_INDEPENDENT + i if i else 0) for i in range(frames)]
        )
    noise = seeded_noise((1, *shape[1:]), seed, stream=0).repeat(frames, 1, 1, 1)
    if name == "uv":
        assert iuv is not None
        part, texel = surface_texels(iuv, (height, width), texels)
        texture = seeded_noise((int(part.max()) + 1, texels * texels, channels), seed, stream=_TEXTURE)
        figure = torch.from_numpy(part > 0)
        noise.permute(0, 2, 3, 1)[figure] = texture[torch.from_numpy(part)[figure], torch.from_numpy(texel)[figure]]
    return noise


def surface_texels(
    iuv: NDArray[np.uint8], grid: tuple[int, int], texels: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return part (T, h, w), 0 in the background, and texel (T, h, w) of the point in the middle of every latent cell.

    Raises:
        ShapeError: if the size of the maps is not a multiple of the grid's.
    """
    height, width = iuv.shape[1:3]
    if height % grid[0] or width % grid[1]:
        raise ShapeError(f"noise=uv: maps of {height}x{width} cannot be sampled on a {grid[0]}x{grid[1]} grid")
    row, col = height // grid[0], width // grid[1]
    sample = iuv[:, row // 2 :: row, col // 2 :: col].astype(np.int64)
    u, v = (sample[..., i] * texels // 256 for i in (1, 2))
    return sample[..., 0], u * texels + v
