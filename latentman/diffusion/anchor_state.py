"""What the attention layers of a pass share: whose keys and values are read, and what earlier passes left of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.anchors import ANCHORS, Seen
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.token_maps import TokenMaps
from latentman.diffusion.token_method import Memory, TokenMethod


@dataclass
class Kept:
    """What one layer keeps for later chunks: keys and values (G, L, C) of the first frame and of the last one."""

    first: tuple[Tensor, Tensor]
    last: tuple[Tensor, Tensor]


@dataclass
class Anchor:
    """What the self-attention layers of one or more networks share during a pass.

    ``mode``: ``off`` is ordinary self-attention; ``lead`` is a pass whose batch begins with frame 0; ``follow``
    continues with the frames after the previous pass. ``groups`` is the guidance multiplicity: the batch is laid out as
    [unconditional frames, conditional frames], and every group has an anchor of its own. ``masks`` are set where figure
    and background attend separately; ``frames`` are the frames in the batch. ``method`` acts on the tokens in this
    pass, along ``maps``; None leaves them to the anchor. ``text_tokens`` is the number of text tokens that lead the
    tokens of a transformer's single-stream blocks.
    """

    rule: AnchorRule = field(default_factory=AnchorRule)
    mode: str = "off"
    groups: int = 1
    frames: slice = field(default_factory=lambda: slice(None))
    masks: AnchorMasks | None = None
    kept: dict[str, Kept] = field(default_factory=dict)
    left: dict[str, Kept] = field(default_factory=dict)
    maps: TokenMaps | None = None
    method: TokenMethod | None = None
    memory: Memory = field(default_factory=Memory)
    text_tokens: int = 0

    @contextmanager
    def passing(
        self, mode: str, groups: int, frames: slice = slice(None), method: TokenMethod | None = None
    ) -> Iterator[None]:
        """Set the mode for one pass through the networks; later passes read what it leaves.

        A pass with gradient checkpointing calls the layers again in its backward pass, inside the same context, and
        must then read the same keys and values.
        """
        self.mode, self.groups, self.frames, self.method = mode, groups, frames, method
        try:
            yield
            self.kept.update(self.left)
            self.memory.keep()
        finally:
            self.mode, self.method = "off", None
            self.left.clear()
            self.memory.left.clear()


def read_first(anchor: Anchor, layer: str, make: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the first frame's keys and values (G, L, C), constants of the gradient, made in the leading pass alone."""
    if anchor.mode == "follow":
        return anchor.kept[layer].first
    key, value = make()
    pair = (key.detach(), value.detach())
    anchor.left[layer] = Kept(pair, pair)
    return pair


def gathered(anchor: Anchor, layer: str, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Return the keys and values (G, F, n L, C) that every frame reads, from its own (G, F, L, C) and earlier ones.

    The anchor's are constants of the gradient, as in the released code; a frame's own are not.
    """
    rule, frames = anchor.rule, key.shape[1]
    own = (key.detach(), value.detach())
    kept = anchor.kept[layer] if anchor.mode == "follow" else Kept(*[_frame(own, 0)] * 2)
    read = []
    for index, mine in enumerate(own):
        seen = Seen(
            own=mine,
            before=torch.cat([kept.last[index].unsqueeze(1), mine[:, :-1]], dim=1),
            first=kept.first[index].unsqueeze(1).expand(-1, frames, -1, -1),
        )
        parts = list(ANCHORS[rule.anchor](seen))
        if rule.union:
            parts.append((key, value)[index])
        read.append(torch.cat(parts, dim=2) if len(parts) > 1 else parts[0])
    anchor.left[layer] = Kept(kept.first, _frame(own, -1))
    return read[0], read[1]


def _frame(pair: tuple[Tensor, Tensor], index: int) -> tuple[Tensor, Tensor]:
    """Return one frame (G, L, C) of keys and values (G, F, L, C)."""
    return pair[0][:, index], pair[1][:, index]
