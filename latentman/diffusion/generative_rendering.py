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
        shown = self._shown(layer)
        if is_key:
            layer.leave("fused", fused(read.detach(), shown))
        features = layer.memory.left[layer.name, "fused"] if is_key else layer.recall("fused")
        return self._handed_back(read, shown, features)

    def _shown(self, layer: Layer) -> Shown:
        """Return what the tokens of a pass show, on the layer's device, to which it is copied once for all steps."""
        tokens, device = layer.batch.shape[2], layer.batch.device
        key = ("shown", tokens, self.texels, self.spacing, layer.frames, device)

        def make() -> Shown:
            texel = layer.maps.surface(tokens, self.texels)
            return shown_texels(texel, key_frames(layer.maps.frames, self.spacing), layer.frames, device)

        return layer.maps.once(key, make)

    def _handed_back(self, read: Tensor, shown: Shown, features: Tensor) -> Tensor:
        """Return features (G, F, L, C), blended where a token shows one of the fused texels (G, N, C)."""
        if not shown.texels:
            return read
        blended = torch.lerp(read, features[:, shown.place], self.weight)
        return torch.where(shown.gets[..., None], blended, read)


@dataclass(frozen=True)
class Shown:
    """What the tokens of the frames of a pass show of the N ``texels`` that the key frames show.

    ``place`` (F, L) int64 is the number of a token's texel, and ``gets`` (F, L) bool whether it gets its features back.
    ``token`` (M,) int64 are those of the F L tokens that show anything, and ``member`` (M,) int64 the numbers of their
    texels; both are read in the pass of the key frames only.
    """

    texels: int
    place: Tensor
    gets: Tensor
    token: Tensor
    member: Tensor


def shown_texels(texel: Indices, keys: tuple[int, ...], frames: tuple[int, ...], device: torch.device) -> Shown:
    """Return what the tokens of ``frames`` show, on a device.

    Args:
        texel: what the tokens of every frame show, (T, L), or ``NOT_SEEN``.
        keys: the key frames.
        frames: of the pass.
        device: where to.
    """
    fused_texel, own = texel[list(keys)], texel[list(frames)]
    known = np.unique(fused_texel[fused_texel != NOT_SEEN])
    seen = (own != NOT_SEEN).reshape(-1)
    place = np.searchsorted(known, own).clip(0, max(len(known) - 1, 0))
    gets = np.zeros(own.shape, bool) if not len(known) else known[place] == own
    arrays = (place, gets & (np.array(frames)[:, None] > 0), np.flatnonzero(seen), place.reshape(-1)[seen])
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
