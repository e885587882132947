"""A still background: outside the figures, every frame takes the latents of frame 0.

Not in the paper. Shared noise and cross-frame attention keep the background similar, not equal. Where neither frame 0
nor frame i shows its figure, both show the same thing, so frame i takes the latents of frame 0. The camera must not
move. What the figure covers in frame 0 and uncovers later keeps the frame's own latents.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d

from latentman.errors import ShapeError

MARGIN = 1
"""Latent cells around the figure that count as figure: a cell's decoded pixels extend beyond its border."""


def figures_on_grid(mask: NDArray[np.bool_], size: int) -> Tensor:
    """Return masks (T, H, W) on the latent grid: (T, size, size) bool, true where any pixel of a cell shows the figure.

    Raises:
        ShapeError: if the picture's size is not a multiple of the grid's.
    """
    frames, height, width = mask.shape
    if height != width or height % size:
        raise ShapeError(f"masks of {height}x{width} cannot be brought to a {size}x{size} grid")
    blocks = mask.reshape(frames, size, height // size, size, width // size)
    return torch.from_numpy(blocks.any((2, 4)))


def shared_background(figures: Tensor, margin: int = MARGIN) -> Tensor:
    """Return where a frame's background is also frame 0's: (T, h, w) bool, false for frame 0.

    Args:
        figures: (T, h, w) bool.
        margin: cells around a figure that do not count as background.
    """
    covered = grown(figures, margin)
    background = ~(covered | covered[:1])
    background[0] = False
    return background


def grown(figures: Tensor, margin: int) -> Tensor:
    """Return figures (T, h, w) bool with all cells up to ``margin`` cells away from them."""
    return max_pool2d(figures[:, None].float(), 2 * margin + 1, stride=1, padding=margin)[:, 0] > 0


def keep_background(latents: Tensor, background: Tensor) -> Tensor:
    """Return latents (T, C, h, w) whose ``background`` (T, h, w) cells are those of frame 0."""
    return torch.where(background.to(latents.device)[:, None], latents[:1], latents)
