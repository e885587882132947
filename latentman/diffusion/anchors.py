"""Whose keys and values a frame reads: the rules behind ``sampler.anchor``, and those of plugins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from latentman.system.plugins import Options


@dataclass(frozen=True)
class Seen:
    """The keys, or the values, that a frame may read in one layer; constants of the gradient.

    ``own`` (G, F, L, C) of the F frames of this pass, in G guidance groups; ``before`` (G, F, L, C) of the frame before
    each of them, which for frame 0 is frame 0 itself; ``first`` (G, F, L, C) of frame 0, once for each frame.
    """

    own: Tensor
    before: Tensor
    first: Tensor


AnchorRead = Callable[[Seen], Sequence[Tensor]]
"""What every frame reads: tensors (G, F, n, C), concatenated along n. Called for keys and for values alike."""


def _all(seen: Seen) -> Sequence[Tensor]:
    raise AssertionError("anchor=all reads the frames of the whole video at once")


def _adapt(name: str, value: Any) -> AnchorRead:
    if not callable(value):
        raise TypeError(f"it is {type(value).__name__}, not a function of latentman.diffusion.anchors.Seen")
    read: AnchorRead = value
    return read


ANCHORS: Options[AnchorRead] = Options(
    "latentman.anchors",
    {
        "first": lambda seen: [seen.first],
        "prev": lambda seen: [seen.before],
        "first+prev": lambda seen: [seen.first, seen.before],
        "all": _all,
    },
    _adapt,
)
"""The rule of each value of ``sampler.anchor``."""
