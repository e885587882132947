"""The part of a frame that Pixel-Wise Guidance has to decode: the window of its matched pixels, with a margin.

The loss of Eq. 7 reads matched pixels alone. What is decoded outside of them changes nothing but, through a decoder's
convolutions and group norms, their values near the border; the margin keeps the border away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn.functional import pad

from latentman.types import Array, Correspondence, source_frame


@dataclass(frozen=True)
class Window:
    """A rectangle of latent cells: rows ``top`` to ``bottom`` and columns ``left`` to ``right``, without the last."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, latents: Tensor) -> Tensor:
        """Return the part of latents (N, C, h, w)."""
        return latents[..., self.top : self.bottom, self.left : self.right]

    def placed(self, part: Tensor, grid: int) -> Tensor:
        """Return the picture (N, C, H, W) of all ``grid`` x ``grid`` cells that shows ``part`` and is 0 elsewhere."""
        factor = part.shape[-1] // (self.right - self.left)
        around = (self.left, grid - self.right, self.top, grid - self.bottom)
        return pad(part, [factor * cells for cells in around])


def figure_windows(correspondence: Correspondence, grid: int, margin: int) -> tuple[Window | None, ...]:
    """Return the window of every frame, in cells of a ``grid`` x ``grid`` latent; None where no pixel is matched.

    It holds the frame's matched pixels and those at which other frames read its colours.

    Args:
        correspondence: the map M on the guidance grid, a multiple of the latent grid or a divisor of it.
        grid: h = w of the latents.
        margin: cells around the pixels.
    """
    read: list[list[Array]] = [[target] for target, _ in correspondence.pairs]
    for index, (_, source) in enumerate(correspondence.pairs):
        if len(source):
            positions = correspondence.positions
            # A position between pixels reads the pixels before and after it.
            after = [] if positions is None else [np.floor(positions[index]) + offset for offset in (0, 1)]
            read[source_frame(correspondence.reference, index)] += [source, *after]
    return tuple(_window(np.concatenate(pixels), grid / correspondence.size, grid, margin) for pixels in read)


def _window(pixels: Array, cells_per_pixel: float, grid: int, margin: int) -> Window | None:
    if not len(pixels):
        return None
    first = np.floor(pixels.min(axis=0) * cells_per_pixel).astype(int) - margin
    last = np.ceil((pixels.max(axis=0) + 1) * cells_per_pixel).astype(int) + margin
    (top, left), (bottom, right) = first.clip(0, grid - 1).tolist(), last.clip(1, grid).tolist()
    return Window(top, bottom, left, right)


def decoded_in(window: Window | None, decode: Callable[[Tensor], Tensor], latents: Tensor) -> Tensor:
    """Return the picture (3, H, W) of latents (1, C, h, w), 0 outside of the window; None decodes all of it."""
    if window is None:
        return decode(latents)[0]
    return window.placed(decode(window.of(latents)), latents.shape[-1])[0]
