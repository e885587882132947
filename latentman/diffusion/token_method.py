"""What a method that changes the tokens of self-attention sees of one layer, and what it must offer.

The related methods of this kind act inside the layers of the UNet, in one place: they receive the layer's input, ask
what queries read by the sampler's rule, and return the layer's output before its last projection. All of them leave
frame 0 as the sampler makes it, so that a clip starts from the same picture under every method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import normalize

from latentman.diffusion.token_maps import TokenMaps


class Read(Protocol):
    """What queries (G, F, L, C) read by the sampler's rule, in their shape.

    ``own`` returns the keys and values (G, F, L, C) of the frames themselves, where they are not those of the layer's
    input.
    """

    def __call__(self, query: Tensor, own: Callable[[], tuple[Tensor, Tensor]] | None = None) -> Tensor:
        """Run the attention."""
        ...


@dataclass
class Memory:
    """What the layers keep from earlier passes of a step: read from ``kept``, written to ``left`` until a pass ends.

    A pass with gradient checkpointing calls its layers twice, and must read the same both times.
    """

    kept: dict[tuple[str, str], Any] = field(default_factory=dict)
    left: dict[tuple[str, str], Any] = field(default_factory=dict)

    def keep(self) -> None:
        """Make what a pass left readable for later ones."""
        self.kept.update(self.left)


@dataclass(frozen=True)
class Layer:
    """One self-attention layer in one pass.

    ``batch`` (G, F, L, C) is its input in G guidance groups; ``frames`` the numbers of the F frames; ``query``, ``key``
    and ``value`` its projections; ``attend`` its attention of (B, Q, C) over (B, K, C).
    """

    name: str
    batch: Tensor
    frames: tuple[int, ...]
    maps: TokenMaps
    query: Callable[[Tensor], Tensor]
    key: Callable[[Tensor], Tensor]
    value: Callable[[Tensor], Tensor]
    read: Read
    attend: Callable[[Tensor, Tensor, Tensor], Tensor]
    memory: Memory

    @property
    def part(self) -> slice:
        """The frames of the pass, as a part of the clip: key frames are evenly spaced, others follow each other."""
        first, *others = self.frames
        return slice(first, self.frames[-1] + 1, others[0] - first if others else 1)

    def recall(self, what: str) -> Any:
        """Return what an earlier pass of this step left in this layer."""
        return self.memory.kept[self.name, what]

    def leave(self, what: str, value: Any) -> None:
        """Leave something to later passes of this step."""
        self.memory.left[self.name, what] = value

    def tokens(self, frame: int, other: int) -> tuple[Tensor, Tensor]:
        """Return the token in ``other`` of every token of ``frame``, (L,), and whether it is seen, (L,) bool."""
        return self.maps.tokens(frame, other, self.batch.shape[2], self.batch.device)


class TokenMethod(Protocol):
    """A related method that acts on the tokens of self-attention; implementations are frozen settings."""

    @property
    def steps(self) -> range:
        """The step indices at which it acts."""
        ...

    @property
    def layers(self) -> str:
        """The self-attention layers of the UNet in which it acts: all, or decoder."""
        ...

    def passes(self, frames: int, size: int) -> Iterator[slice]:
        """Return the frames of each pass through the networks, of about ``size``, frame 0 in the first one.

        The result does not depend on ``size``.
        """
        ...

    def prepare(self, maps: TokenMaps, tokens: int, device: torch.device) -> None:
        """Make the maps that layers of so many tokens will ask for: a compiled network cannot make them itself."""
        ...

    def __call__(self, layer: Layer) -> Tensor:
        """Return what the queries of a layer read, (G, F, L, C)."""
        ...


def in_order(frames: int, size: int, start: int = 0) -> Iterator[slice]:
    """Return passes of ``size`` frames from ``start`` up to ``frames``, one after the other."""
    return (slice(first, min(first + size, frames)) for first in range(start, frames, size))


def taken(own: Tensor, source: Tensor, index: Tensor, where: Tensor) -> Tensor:
    """Return tokens (G, L, C) with ``source``'s (G, L', C) at ``index`` (L,) or (G, L) in place, where ``where`` is."""
    if index.ndim == 1:
        index, where = (x.expand(len(own), -1) for x in (index, where))
    found = source.gather(1, index[..., None].expand(-1, -1, source.shape[-1]))
    return found.where(where[..., None], own)


def nearest(tokens: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return the most similar of ``others`` (G, L', C) by cosine for ``tokens`` (G, L, C): its index and the cosine."""
    mine, theirs = (normalize(x.detach().float(), dim=-1) for x in (tokens, others))
    cosine, index = (mine @ theirs.mT).max(-1)
    return index, cosine
