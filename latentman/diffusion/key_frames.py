"""Key frames: every n-th frame, taken through the networks together before the others."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from latentman.diffusion.token_method import Layer, in_order


def key_frames_first(frames: int, spacing: int, size: int) -> Iterator[slice]:
    """Return the passes of a clip: all key frames, then the frames between them, at most ``size`` at once."""
    yield slice(0, frames, spacing)
    for key in range(0, frames, spacing):
        yield from in_order(min(key + spacing, frames), size, start=key + 1)


def key_frames(frames: int, spacing: int) -> tuple[int, ...]:
    """Return the numbers of the key frames."""
    return tuple(range(0, frames, spacing))


def are_key_frames(layer: Layer, spacing: int) -> bool:
    """Return whether the frames of a pass are key frames."""
    return layer.frames[0] % spacing == 0


def read_jointly(layer: Layer, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return what queries (G, F, L, C) read of the keys and values of all key frames, (G, K, L, C).

    Frame 0 reads by the sampler's rule. The keys and values are constants of the gradient.
    """
    ruled = layer.read(query)
    others = query if layer.frames[0] > 0 else query[:, 1:]
    if others.shape[1] == 0:
        return ruled
    joint = layer.attend(others.flatten(1, 2), *(x.detach().flatten(1, 2) for x in (key, value))).view_as(others)
    return joint if layer.frames[0] > 0 else torch.cat([ruled[:, :1], joint], dim=1)
