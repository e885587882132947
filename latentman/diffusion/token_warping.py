"""Token warping (arXiv 2402.12099): tokens of self-attention are warped from the reference frame along the map M.

``z^i[q] <- z^(i-1)[M(q)]`` for the queries, keys and values z of a layer, where M sees the token q. The paper warps
queries by an appearance flow estimated from poses; ours is exact. The chain is sequential: frame i takes the tokens of
frame i - 1 that have already been warped. Where every frame reads frame 0's keys and values, as in Text2Video-Zero, a
frame has none of its own to warp.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.diffusion.token_maps import TokenMaps
from latentman.diffusion.token_method import Layer, in_order, taken


@dataclass(frozen=True)
class TokenWarping:
    """``tokens``: which of query, key and value are warped."""

    steps: range
    layers: str = "all"
    tokens: tuple[str, ...] = ("query", "key", "value")

    def passes(self, frames: int, size: int) -> Iterator[slice]:
        """Return the frames of each pass, in order."""
        return in_order(frames, size)

    def prepare(self, maps: TokenMaps, tokens: int, device: torch.device) -> None:
        """Make the maps from every frame to its reference frame."""
        for frame in range(1, maps.frames):
            maps.tokens(frame, maps.source_frame(frame), tokens, device)

    def __call__(self, layer: Layer) -> Tensor:
        """Return what warped queries read."""
        query = self._warped(layer, "query")
        return layer.read(query, lambda: (self._warped(layer, "key"), self._warped(layer, "value")))

    def _warped(self, layer: Layer, token: str) -> Tensor:
        """Return a layer's queries, keys or values (G, F, L, C), warped where they are to be."""
        project = {"query": layer.query, "key": layer.key, "value": layer.value}[token]
        own = project(layer.batch)
        return warped(layer, own, token) if token in self.tokens else own


def warped(layer: Layer, own: Tensor, what: str) -> Tensor:
    """Return tokens (G, F, L, C) warped along the reference chain; frames of earlier passes are recalled as ``what``.

    What a frame takes is a constant for the gradient.
    """
    done: dict[int, Tensor] = {}
    if layer.frames[0] > 0:
        done = dict(layer.recall(what))
    for place, frame in enumerate(layer.frames):
        mine = own[:, place]
        if frame > 0:
            source = layer.maps.source_frame(frame)
            mine = taken(mine, done[source].detach(), *layer.tokens(frame, source))
        done[frame] = mine
    layer.leave(what, {frame: done[frame].detach() for frame in {0, layer.frames[-1]}})
    return torch.stack([done[frame] for frame in layer.frames], dim=1)
