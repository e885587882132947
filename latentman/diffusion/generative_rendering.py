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

from latentman.diffusion.key_frames import are_key_frames, key_frames, key_frames_first, read_jointly
from latentman.diffusion.token_maps import NOT_SEEN, Indices, TokenMaps
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
        shown = self._shown(layer.maps, layer.batch.shape[2], layer.batch.device)
        if is_key:
            layer.leave("fused", fused(read.detach(), shown))
        features = layer.memory.left[layer.name, "fused"] if is_key else layer.recall("fused")
        return self._handed_back(read, shown, features, layer.part)

    def prepare(self, maps: TokenMaps, tokens: int, device: torch.device) -> None:
        """Find what the tokens of every frame show."""
        self._shown(maps, tokens, device)

    def _shown(self, maps: TokenMaps, tokens: int, device: torch.device) -> Shown:
        """Return what tokens show, on a device, to which it is copied once for all steps."""

        def make() -> Shown:
            return shown_texels(maps.surface(tokens, self.texels), key_frames(maps.frames, self.spacing), device)

        return maps.once(("shown", tokens, self.texels, self.spacing, device), make)

    def _handed_back(self, read: Tensor, shown: Shown, features: Tensor, part: slice) -> Tensor:
        """Return features (G, F, L, C), blended where a token shows one of the fused texels (G, N, C)."""
        if not shown.texels:
            return read
        blended = torch.lerp(read, features[:, shown.place[part]], self.weight)
        return torch.where(shown.gets[part][..., None], blended, read)


@dataclass(frozen=True)
class Shown:
    """What the tokens of all T frames show of the N ``texels`` that the key frames show.

    ``place`` (T, L) int64 is the number of a token's texel, and ``gets`` (T, L) bool whether it gets its features back.
    ``token`` (M,) int64 are those of the K L tokens of the key frames that show anything, and ``member`` (M,) int64 the
    numbers of their texels.
    """

    texels: int
    place: Tensor
    gets: Tensor
    token: Tensor
    member: Tensor


def shown_texels(texel: Indices, keys: tuple[int, ...], device: torch.device) -> Shown:
    """Return what tokens show, on a device.

    Args:
        texel: what the tokens of every frame show, (T, L), or ``NOT_SEEN``.
        keys: the key frames.
        device: where to.
    """
    fused_texel = texel[list(keys)]
    seen = fused_texel != NOT_SEEN
    known = np.unique(fused_texel[seen])
    place = np.searchsorted(known, texel).clip(0, max(len(known) - 1, 0))
    gets = np.zeros(texel.shape, bool) if not len(known) else known[place] == texel
    gets[0] = False
    arrays = (place, gets, np.flatnonzero(seen), place[list(keys)][seen])
    return Shown(len(known), *(torch.from_numpy(x).to(device) for x in arrays))


def fused(features: Tensor, shown: Shown) -> Tensor:
    """Average the features (G, F, L, C) of all key frames over the N texels that their tokens show: (G, N, C).

    The sum is one product of matrices, which has the same value in every run, on a GPU too.
    """
    count = len(shown.member)
    share = torch.zeros(shown.texels, count, dtype=torch.float32, device=features.device)
    share[shown.member, torch.arange(count, device=share.device)] = 1
    tokens = features.flatten(1, 2)[:, shown.token]
    mean = (share @ tokens.float()) / share.sum(1, keepdim=True).clamp_min(1)
    return mean.to(features.dtype)
