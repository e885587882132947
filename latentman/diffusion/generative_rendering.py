"""Generative Rendering (arXiv 2312.01409): features of key frames are fused on the body's surface and handed back.

Key frames go through the networks together. What their tokens read is averaged over each texel k of the surface,
``f(k) = mean of out^j[p] over key frames j and tokens p that show k``, and every frame gets it back where it shows the
texel: ``out^i[q] = (1 - a) out^i[q] + a f(k(q))``. All frames read the keys and values of the key frames. The noise on
the surface, which the paper starts from, is the group ``noise``.

The paper has no code. Texels are looked up, not interpolated, and are as coarse as the tokens of a layer. Frame 0 gives
its features and keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentman.diffusion.key_frames import are_key_frames, key_frames_first, read_jointly
from latentman.diffusion.token_maps import NOT_SEEN, Indices
from latentman.diffusion.token_method import Layer


@dataclass(frozen=True)
class GenerativeRendering:
    """``spacing`` of the key frames; ``texels`` a side; ``weight`` a of the fused feature; ``joint`` reading."""

    steps: range
    layers: str = "all"
    spacing: int = 2
    texels: int = 16
    weight: float = 0.5
    joint: bool = True

    def passes(self, frames: int, size: int) -> Iterator[slice]:
        """Return the frames of each pass: the key frames at once, then the others."""
        return key_frames_first(frames, self.spacing, size)

    def __call__(self, layer: Layer) -> Tensor:
        """Return what the queries read, with the fused features of the texels that they show."""
        query, is_key = layer.query(layer.batch), are_key_frames(layer, self.spacing)
        if not self.joint:
            read = layer.read(query)
        else:
            if is_key:
                layer.leave("keys", (layer.key(layer.batch).detach(), layer.value(layer.batch).detach()))
            key, value = layer.memory.left[layer.name, "keys"] if is_key else layer.recall("keys")
            read = read_jointly(layer, query, key, value)
        texel = layer.maps.surface(layer.batch.shape[2], self.texels)[list(layer.frames)]
        if is_key:
            layer.leave("fused", fused(read.detach(), texel))
        known, features = layer.memory.left[layer.name, "fused"] if is_key else layer.recall("fused")
        return self._handed_back(layer, read, texel, known, features)

    def _handed_back(self, layer: Layer, read: Tensor, texel: Indices, known: Indices, features: Tensor) -> Tensor:
        """Return features (G, F, L, C), blended where a token shows one of the ``known`` texels (N,)."""
        if not len(known):
            return read
        place = np.searchsorted(known, texel).clip(0, len(known) - 1)
        gets = (known[place] == texel) & (np.array(layer.frames)[:, None] > 0)
        given = features[:, torch.from_numpy(place).to(read.device)]
        blended = torch.lerp(read, given, self.weight)
        return torch.where(torch.from_numpy(gets).to(read.device)[..., None], blended, read)


def fused(features: Tensor, texel: Indices) -> tuple[Indices, Tensor]:
    """Average features (G, F, L, C) over the texels (F, L) that their tokens show.

    Returns:
        The texels (N,) that are shown, ascending, and their features (G, N, C). The sum is one product of matrices,
        which has the same value in every run, on a GPU too.
    """
    shown = texel != NOT_SEEN
    known, member = np.unique(texel[shown], return_inverse=True)
    share = torch.zeros(len(known), int(shown.sum()), dtype=torch.float32, device=features.device)
    share[torch.from_numpy(member).to(share.device), torch.arange(share.shape[1], device=share.device)] = 1
    tokens = features.flatten(1, 2)[:, torch.from_numpy(shown.reshape(-1)).to(features.device)]
    mean = (share @ tokens.float()) / share.sum(1, keepdim=True).clamp_min(1)
    return known, mean.to(features.dtype)
