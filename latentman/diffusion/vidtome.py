"""VidToMe (arXiv 2312.10656): tokens of several frames are merged into those of one, and unmerged after attention.

The clip is divided into spans. A token of a later frame of a span is replaced by its counterpart in the span's first
frame, and a token of that first frame by its counterpart in frame 0. Attention runs on the merged tokens, and a merged
token gets what its counterpart read: ``out^i[q] = out^j[m(q)]``. Counterparts are those of the map M, where it has one,
or nearest neighbours, as in the paper, of which only the most similar ones merge.

The paper draws the target frame at random and keeps global tokens from span to span; here they are the first frame of
the span and frame 0, so that the result is determined. Whose keys are read is the sampler's rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.diffusion.token_maps import TokenMaps
from latentman.diffusion.token_method import Layer, in_order, nearest, taken


@dataclass(frozen=True)
class VidToMe:
    """``span`` of frames; ``match``: map or similarity, by which the shares ``ratio`` and ``global_ratio`` merge."""

    steps: range
    layers: str = "all"
    span: int = 4
    match: str = "map"
    ratio: float = 0.9
    global_ratio: float = 0.8

    def passes(self, frames: int, size: int) -> Iterator[slice]:
        """Return the frames of each pass, in order: whole spans, at least one."""
        return in_order(frames, max(size // self.span, 1) * self.span)

    def target(self, frame: int) -> int:
        """Return the frame into which a frame's tokens merge: the first of its span, or frame 0."""
        return 0 if frame % self.span == 0 else frame - frame % self.span

    def prepare(self, maps: TokenMaps, tokens: int, device: torch.device) -> None:
        """Make the maps from every frame to the one that it merges into."""
        if self.match == "map":
            for frame in range(1, maps.frames):
                maps.tokens(frame, self.target(frame), tokens, device)

    def __call__(self, layer: Layer) -> Tensor:
        """Return what merged tokens read, unmerged."""
        tokens = {0: layer.batch[:, 0] if layer.frames[0] == 0 else layer.recall("input")}
        merges: dict[int, tuple[int, Tensor, Tensor]] = {}
        for place, frame in enumerate(layer.frames):
            tokens[frame] = layer.batch[:, place]
            if frame == 0:
                continue
            target = self.target(frame)
            ratio = self.global_ratio if frame % self.span == 0 else self.ratio
            index, merge = self._merge(layer, frame, target, tokens, ratio)
            merges[frame] = target, index, merge
            tokens[frame] = taken(tokens[frame], tokens[target].detach(), index, merge)
        batch = torch.stack([tokens[frame] for frame in layer.frames], dim=1)
        read = layer.read(layer.query(batch), lambda: (layer.key(batch), layer.value(batch)))
        done = {0: read[:, 0] if layer.frames[0] == 0 else layer.recall("read")}
        for place, frame in enumerate(layer.frames):
            done[frame] = read[:, place]
            if frame in merges:
                target, index, merge = merges[frame]
                done[frame] = taken(done[frame], done[target].detach(), index, merge)
        layer.leave("input", tokens[0].detach())
        layer.leave("read", done[0].detach())
        return torch.stack([done[frame] for frame in layer.frames], dim=1)

    def _merge(
        self, layer: Layer, frame: int, target: int, tokens: dict[int, Tensor], ratio: float
    ) -> tuple[Tensor, Tensor]:
        """Return the counterpart (G, L) in ``target`` of every token of ``frame``, and whether it merges."""
        if self.match == "map":
            index, seen = layer.tokens(frame, target)
            return index.expand(len(layer.batch), -1), seen.expand(len(layer.batch), -1)
        index, cosine = nearest(tokens[frame], tokens[target])
        return index, most_similar(cosine, ratio)


def most_similar(score: Tensor, ratio: float) -> Tensor:
    """Return which tokens merge, (G, L): the share ``ratio`` with the highest scores (G, L), the first among equals."""
    rank = score.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    # Rounding guards against products such as 0.29 * 100 = 28.999999999999996.
    return rank < math.floor(round(ratio * score.shape[-1], 6))
