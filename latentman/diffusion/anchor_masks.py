"""Figure and background attend separately: MasaCtrl's mask-guided attention, with rendered masks, not predicted ones.

A query inside the figure attends to the anchor's keys inside its figure, any other query to the keys outside. These are
the two attentions of MasaCtrl's section 3.3, blended by the frame's own mask. Together they cost as much as one
attention over all keys.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


class AnchorMasks:
    """The figures of all frames, on the grid of every attention layer.

    Args:
        figure: (T, h, w) bool, on the latent grid.
    """

    def __init__(self, figure: Tensor) -> None:
        self.figure = figure
        self._known: dict[int, Tensor] = {}

    def on_tokens(self, tokens: int) -> Tensor:
        """Return the masks (T, tokens) bool of a layer: a token belongs to the figure if half of its cells do."""
        if tokens not in self._known:
            height, width = self.figure.shape[1:]
            factor = round((height * width / tokens) ** 0.5)
            pooled = adaptive_avg_pool2d(self.figure[:, None].float(), (-(-height // factor), -(-width // factor)))
            self._known[tokens] = pooled.flatten(1) >= 0.5
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
        masks = self.on_tokens(query.shape[2]).to(query.device)
        inside = masks[0]
        folded = query.flatten(1, 2)
        if inside.all() or not inside.any():
            return attend(folded, key, value).view_as(query)
        figure, background = (attend(folded, key[:, part], value[:, part]) for part in (inside, ~inside))
        own = masks[frames].reshape(1, -1, 1)
        return torch.where(own, figure, background).view_as(query)
