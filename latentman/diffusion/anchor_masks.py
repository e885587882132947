"""Figure and background attend separately: MasaCtrl's mask-guided attention, with rendered masks, not predicted ones.

A query inside the figure attends to the anchor's keys inside its figure, any other query to the keys outside. These are
the two attentions of MasaCtrl's section 3.3, blended by the frame's own mask. Together they cost as much as one
attention over all keys.

MasaCtrl's own code brings its masks to a layer's grid by nearest sampling, and leaves the source, here frame 0, to
ordinary self-attention. Both have another choice: a token belongs to the figure if at least half of its cells do
(``half``), and frame 0 is masked as all others are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


class AnchorMasks:
    """The figures of all frames, on the grid of every attention layer.

    Args:
        figure: (T, h, w) bool: the rendered mask for ``nearest``, the figure on the latent grid for ``half``.
        tokens: the number of tokens of a layer at the latents' full resolution; None: the cells of ``figure``.
        reduction: ``nearest`` takes the top-left sample of each token's cells, ``half`` asks for half of them.
        masks_frame0: whether frame 0 attends separately as well.
    """

    def __init__(
        self, figure: Tensor, tokens: int | None = None, *, reduction: str = "nearest", masks_frame0: bool = False
    ) -> None:
        self.figure = figure
        self.tokens = figure[0].numel() if tokens is None else tokens
        self.reduction = reduction
        self.masks_frame0 = masks_frame0
        self._known: dict[int, Tensor] = {}
        self._placed: dict[tuple[int, torch.device], _Placed | None] = {}

    def on_tokens(self, tokens: int) -> Tensor:
        """Return the masks (T, tokens) bool of a layer."""
        if tokens not in self._known:
            height, width = self.figure.shape[1:]
            # Each downsampling of the UNet halves the grid and rounds up.
            factor = round((self.tokens / tokens) ** 0.5) * (height * width / self.tokens) ** 0.5
            grid = (-int(-height // factor), -int(-width // factor))
            values = self.figure[:, None].float()
            if self.reduction == "nearest":
                reduced = interpolate(values, grid, mode="nearest") > 0
            else:
                reduced = adaptive_avg_pool2d(values, grid) >= 0.5
            self._known[tokens] = reduced.flatten(1)
        return self._known[tokens]

    def read_apart(self, attend: Attend, query: Tensor, key: Tensor, value: Tensor, frames: slice) -> Tensor:
        """Return what queries (G, F, L, C) read from frame 0's keys and values (G, L, C).

        If the anchor shows no figure on this grid, or is all figure, all keys are read.

        Args:
            attend: attention of (G, Q, C) over (G, K, C).
            query: of the frames ``frames``.
            key: of frame 0.
            value: of frame 0.
            frames: the frames that the queries belong to.
        """
        placed = self._on_device(query.shape[2], query.device)
        if placed is None:
            return attend(query.flatten(1, 2), key, value).view_as(query)
        if self.masks_frame0 or (frames.start or 0) > 0:
            return _read_masked(attend, query, key, value, placed.masks[frames], placed)
        first, rest = query[:, :1], query[:, 1:]
        read = [attend(first.flatten(1, 2), key, value).view_as(first)]
        if rest.shape[1]:
            read.append(_read_masked(attend, rest, key, value, placed.masks[frames][1:], placed))
        return torch.cat(read, dim=1)

    def place(self, device: torch.device) -> None:
        """Copy the masks of every layer to a device, so that compiled networks need not look into them."""
        height, width = self.figure.shape[1:]
        side = (height * width / self.tokens) ** 0.5
        rows, cols = round(height / side), round(width / side)
        while True:
            self._on_device(rows * cols, device)
            if rows == cols == 1:
                return
            rows, cols = -(-rows // 2), -(-cols // 2)

    def _on_device(self, tokens: int, device: torch.device) -> _Placed | None:
        """Return the masks of a layer on a device, copied once; None where frame 0 is all figure or all background."""
        if (tokens, device) not in self._placed:
            masks = self.on_tokens(tokens).cpu()
            inside = masks[0]
            both = inside.any() and not inside.all()
            parts = (masks, inside.nonzero()[:, 0], (~inside).nonzero()[:, 0])
            self._placed[tokens, device] = _Placed(*(x.to(device) for x in parts)) if both else None
        return self._placed[tokens, device]


@dataclass(frozen=True)
class _Placed:
    """Masks (T, L) on a device, and the tokens inside and outside frame 0's figure as indices.

    A mask as an index would make the host wait for the number of its tokens.
    """

    masks: Tensor
    inside: Tensor
    outside: Tensor


def _read_masked(attend: Attend, query: Tensor, key: Tensor, value: Tensor, own: Tensor, placed: _Placed) -> Tensor:
    """Return what queries (G, F, L, C) with the masks ``own`` (F, L) read of frame 0, figure and background apart."""
    folded = query.flatten(1, 2)
    figure, background = (attend(folded, key[:, part], value[:, part]) for part in (placed.inside, placed.outside))
    return torch.where(own.reshape(1, -1, 1), figure, background).view_as(query)
