"""The map M between any two frames, on the latent grid and on the token grid of every self-attention layer.

The map M leads from each frame to its reference frame. Here its links are composed, and inverted where they lead to a
later frame: both sides of a link are injective, so this is exact on the grid. A still background is a link to the same
cell, where neither frame shows the figure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentman.diffusion.background import MARGIN, grown
from latentman.errors import ShapeError
from latentman.types import Correspondence

NOT_SEEN = -1
"""What a map holds for a cell or token that the other frame does not show."""

Indices = NDArray[np.int64]

T = TypeVar("T")


class TokenMaps:
    """The maps between the frames of a clip.

    Args:
        correspondence: the map M on the latent grid.
        figures: (T, h, w) bool, true where a cell shows the character; None leaves the background without counterparts.
        still: whether the camera stands still, so that the background has links.
        iuv: (T, H, W, 3) uint8 part, U, V, for :meth:`surface`; H and W are multiples of the grid's side.
    """

    def __init__(
        self,
        correspondence: Correspondence,
        figures: Tensor | None = None,
        *,
        still: bool = True,
        iuv: NDArray[np.uint8] | None = None,
    ) -> None:
        self.size, self.frames = correspondence.size, len(correspondence.pairs)
        self.source_frame = correspondence.source_frame
        self._is_first = correspondence.reference == "first"
        self._links = cell_links(correspondence, figures if still else None)
        self._iuv = None if iuv is None else _cell_centres(iuv, self.size)
        self._known: dict[tuple[object, ...], object] = {}

    def between(self, frame: int, other: int) -> Indices:
        """Return for every latent cell of ``frame`` its cell in ``other``: (h * w,), or ``NOT_SEEN``."""
        if frame == other:
            return np.arange(self.size**2)
        if frame < other:
            return inverted(self.between(other, frame))
        if self._is_first:
            to_first = self._links[frame]
            return to_first if other == 0 else composed(to_first, inverted(self._links[other]))
        cells = self._links[frame]
        for middle in range(frame - 1, other, -1):
            cells = composed(cells, self._links[middle])
        return cells

    def tokens(self, frame: int, other: int, tokens: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return for every token of ``frame`` its token in ``other``, (L,) int64, and whether it is seen, (L,) bool."""

        def make() -> tuple[Tensor, Tensor]:
            found = torch.from_numpy(cells_to_tokens(self.between(frame, other), self.size, tokens)).to(device)
            return found.clamp_min(0), found != NOT_SEEN

        return self.once(("tokens", frame, other, tokens, device), make)

    def surface(self, tokens: int, texels: int) -> Indices:
        """Return the texel that the middle of every token shows: (T, L), or ``NOT_SEEN`` in the background.

        Args:
            tokens: of the layer.
            texels: along each side of a part's chart on the latent grid; a coarser layer has proportionally fewer, so
                that a texel stays as coarse as a token.
        """
        assert self._iuv is not None, "the surface is known only where the IUV maps were given"
        iuv = self._iuv

        def make() -> Indices:
            factor = cells_per_token(self.size, tokens)
            middle = np.minimum(np.arange(0, self.size, factor) + factor // 2, self.size - 1)
            part, u, v = np.moveaxis(iuv[:, middle][:, :, middle].astype(np.int64), -1, 0)
            side = max(texels // factor, 1)
            texel = (part * side + u * side // 256) * side + v * side // 256
            return np.where(part > 0, texel, NOT_SEEN).reshape(len(iuv), tokens)

        return self.once(("surface", tokens, texels), make)

    def once(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what ``make`` made when it was first asked for under this key: maps are the same at every step."""
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]  # type: ignore[assignment]
        return found


def cell_links(correspondence: Correspondence, figures: Tensor | None) -> Indices:
    """Return for every cell of every frame its cell in the reference frame: (T, h * w), or ``NOT_SEEN``.

    Args:
        correspondence: the map M on the latent grid.
        figures: (T, h, w) bool: cells further than ``MARGIN`` from both frames' figures are linked to themselves.
    """
    size = correspondence.size
    links = np.full((len(correspondence.pairs), size * size), NOT_SEEN, np.int64)
    for i, (target, source) in enumerate(correspondence.pairs):
        links[i, _flat(target, size)] = _flat(source, size)
    if figures is None:
        return links
    shown = grown(figures, MARGIN).flatten(1).cpu().numpy()
    for i in range(1, len(links)):
        taken = np.zeros(size * size, bool)
        taken[links[i][links[i] != NOT_SEEN]] = True
        still = ~(shown[i] | shown[correspondence.source_frame(i)] | taken) & (links[i] == NOT_SEEN)
        links[i, still] = np.flatnonzero(still)
    return links


def _flat(cells: NDArray[np.int32], size: int) -> Indices:
    return cells[:, 0].astype(np.int64) * size + cells[:, 1]


def composed(first: Indices, second: Indices) -> Indices:
    """Return ``second`` after ``first``; what either does not see is not seen."""
    return np.where(first == NOT_SEEN, NOT_SEEN, second[first])


def inverted(cells: Indices) -> Indices:
    """Return the inverse of an injective map."""
    result = np.full(len(cells), NOT_SEEN, np.int64)
    seen = np.flatnonzero(cells != NOT_SEEN)
    result[cells[seen]] = seen
    return result


def token_counts(size: int, halvings: int) -> tuple[int, ...]:
    """Return the tokens of a network's layers, from the finest to the coarsest, as :func:`cells_per_token` has them."""
    return tuple((-(-size // 2**level)) ** 2 for level in range(halvings + 1))


def cells_per_token(size: int, tokens: int) -> int:
    """Return the side, in latent cells, of a layer's token: each downsampling of the UNet halves and rounds up.

    Raises:
        ShapeError: if no number of halvings gives this number of tokens.
    """
    factor = 1
    while (side := -(-size // factor)) ** 2 > tokens and side > 1:
        factor *= 2
    if side**2 != tokens:
        raise ShapeError(f"a layer of {tokens} tokens does not belong to latents of {size}x{size}")
    return factor


def cells_to_tokens(cells: Indices, size: int, tokens: int) -> Indices:
    """Bring a map from latent cells to tokens: (h * w,) -> (L,).

    A token is seen if at least half of its cells are. It leads to the token in which the mean of their cells lies.
    """
    factor = cells_per_token(size, tokens)
    if factor == 1:
        return cells
    line, side = np.arange(size) // factor, -(-size // factor)
    token = (line[:, None] * side + line).reshape(-1)
    seen = cells != NOT_SEEN
    row, col = cells[seen] // size, cells[seen] % size
    count = np.bincount(token[seen], minlength=tokens)
    # The cell (row, col) has its middle at (row + 0.5, col + 0.5).
    mean = [np.bincount(token[seen], x + 0.5, tokens) / np.maximum(count, 1) for x in (row, col)]
    source = (mean[0] // factor).astype(np.int64) * side + (mean[1] // factor).astype(np.int64)
    return np.where(2 * count >= np.bincount(token, minlength=tokens), source, NOT_SEEN)


def _cell_centres(iuv: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return the pixel in the middle of every latent cell: (T, H, W, 3) -> (T, size, size, 3)."""
    height, width = iuv.shape[1:3]
    if height != width or height % size:
        raise ShapeError(f"IUV maps of {height}x{width} cannot be sampled on a {size}x{size} grid")
    step = height // size
    return iuv[:, step // 2 :: step, step // 2 :: step]
