"""VidToMe (arXiv 2312.10656): tokens of several frames are merged into those of one, and unmerged after attention.

The clip is divided into spans. A token of a later frame of a span is replaced by its counterpart in the span's first
frame, and a token of that first frame by its counterpart in frame 0. Attention runs on the merged tokens, and a merged
token gets what its counterpart read: ``out^i[q] = out^j[m(q)]``. Only the tokens that are most similar to their
counterparts merge. Counterparts are those of the map M, or nearest neighbours, as in the paper.

The paper draws the target frame at random and keeps global tokens from span to span; here they are the first frame of
the span and frame 0, so that the result is determined. Whose keys are read is the sampler's rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from latentman.diffusion.token_method import Layer, in_order, taken


@dataclass(frozen=True)
class VidToMe:
    """``span`` of frames; ``match``: map or similarity; ``ratio`` of merged tokens, ``global_ratio`` into frame 0."""

    steps: range
    layers: str = "all"
    span: int = 4
    match: str = "map"
    ratio: float = 0.9
    global_ratio: float = 0.8

    def passes(self, frames: int, size: int) -> Iterator[slice]:
        """Return the frames of each pass, in order: whole spans, at least one."""
        return in_order(frames, max(size // self.span, 1) * self.span)

    def __call__(self, layer: Layer) -> Tensor:
        """Return what merged tokens read, unmerged."""
        tokens = {0: layer.batch[:, 0] if layer.frames[0] == 0 else layer.recall("input")}
        merges: dict[int, tuple[int, Tensor, Tensor]] = {}
        for place, frame in enumerate(layer.frames):
            tokens[frame] = layer.batch[:, place]
            if frame == 0:
                continue
            target = 0 if frame % self.span == 0 else frame - frame % self.span
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
        mine, theirs = (normalize(tokens[i].detach().float(), dim=-1) for i in (frame, target))
        if self.match == "similarity":
            score, index = (mine @ theirs.mT).max(-1)
            return index, most_similar(score, torch.ones_like(index, dtype=torch.bool), ratio)
        index, seen = (x.expand(len(mine), -1) for x in layer.tokens(frame, target))
        score = (mine * theirs.gather(1, index[..., None].expand_as(mine))).sum(-1)
        return index, most_similar(score, seen, ratio)


def most_similar(score: Tensor, allowed: Tensor, ratio: float) -> Tensor:
    """Return which tokens merge: of those that are allowed, the share ``ratio`` with the highest scores; all (G, L).

    Among equal scores, the first tokens merge.
    """
    score = score.masked_fill(~allowed, -torch.inf)
    rank = score.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    # Rounding guards against 0.9 * 10 = 9.000000000000002 and the like.
    count = torch.floor((allowed.sum(-1, keepdim=True).double() * ratio).round(decimals=6))
    return allowed & (rank < count)
