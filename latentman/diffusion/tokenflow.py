"""TokenFlow (arXiv 2307.10373): features of key frames are carried to the frames between them.

Key frames go through the networks together; each reads the keys and values of all of them. In the other frames, what a
token reads is replaced by a blend of what its counterparts in the two neighbouring key frames read:
``out^i[q] = w out^before[m(q)] + (1 - w) out^after[m'(q)]``, w falling linearly from 1 at the key frame before to 0 at
the one after. The paper finds counterparts once, as nearest neighbours among the features of a source video. There is
no source video here. ``similarity`` finds them among the layer's own inputs; ``map`` takes them from the map M.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.diffusion.key_frames import are_key_frames, key_frames, key_frames_first, read_jointly
from latentman.diffusion.token_maps import TokenMaps
from latentman.diffusion.token_method import Layer, nearest, taken


@dataclass(frozen=True)
class TokenFlow:
    """``spacing`` of the key frames; ``match``: map or similarity; ``joint``: key frames read each other."""

    steps: range
    layers: str = "all"
    spacing: int = 2
    match: str = "map"
    joint: bool = True

    def passes(self, frames: int, size: int) -> Iterator[slice]:
        """Return the frames of each pass: the key frames at once, then the others."""
        return key_frames_first(frames, self.spacing, size)

    def prepare(self, maps: TokenMaps, tokens: int, device: torch.device) -> None:
        """Make the maps from every frame to its neighbouring key frames."""
        if self.match == "map":
            for frame in set(range(maps.frames)) - set(key_frames(maps.frames, self.spacing)):
                for _, key, _ in neighbours(frame, self.spacing, maps.frames):
                    maps.tokens(frame, key, tokens, device)

    def __call__(self, layer: Layer) -> Tensor:
        """Return what the queries read, or what their counterparts in the key frames read."""
        query = layer.query(layer.batch)
        if not are_key_frames(layer, self.spacing):
            ruled = layer.read(query) if self.match == "map" else torch.empty_like(query)
            return torch.stack([self._carried(layer, ruled, place) for place in range(len(layer.frames))], dim=1)
        if self.joint:
            read = read_jointly(layer, query, layer.key(layer.batch), layer.value(layer.batch))
        else:
            read = layer.read(query)
        layer.leave("read", read.detach())
        layer.leave("input", layer.batch.detach())
        return read

    def _carried(self, layer: Layer, ruled: Tensor, place: int) -> Tensor:
        """Return what one frame gets, (G, L, C): where no key frame shows a token, what it reads by the rule."""
        frame, own = layer.frames[place], ruled[:, place]
        total = torch.zeros_like(own)
        share = own.new_zeros(len(own), own.shape[1], 1)
        read, given = layer.recall("read"), layer.recall("input")
        for number, key, weight in neighbours(frame, self.spacing, layer.maps.frames):
            if self.match == "map":
                index, seen = layer.tokens(frame, key)
            else:
                index, _ = nearest(layer.batch[:, place], given[:, number])
                seen = torch.ones_like(index, dtype=torch.bool)
            carried = taken(torch.zeros_like(own), read[:, number], index, seen)
            total = total + weight * carried
            share = share + weight * seen.expand(len(own), -1)[..., None].to(own.dtype)
        return torch.where(share > 0, total / share.clamp_min(torch.finfo(own.dtype).tiny), own)


def neighbours(frame: int, spacing: int, frames: int) -> list[tuple[int, int, float]]:
    """Return the key frames before and after a frame: (which key frame, its frame, its weight).

    Frames after the last key frame have one neighbour.
    """
    before = frame // spacing
    if before + 1 >= len(key_frames(frames, spacing)):
        return [(before, before * spacing, 1.0)]
    after = frame % spacing / spacing
    return [(before, before * spacing, 1 - after), (before + 1, (before + 1) * spacing, after)]
