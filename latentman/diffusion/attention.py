"""Cross-frame attention: the queries of every frame attend to the anchor frame's keys and values.

This is the self-attention of Text2Video-Zero (its section 3.3), used by LatentMan as its base. It is installed on
``attn1`` only, so that cross-attention to the text, and anything that others put there, stays as it is.

Two exact savings over repeating keys and values for every frame: all frames' queries are folded into one attention call
per guidance group, and frames in later chunks read the anchor's keys and values instead of running the anchor again.
The processors keep no count of calls; what they do is set from outside for each pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


@dataclass
class Anchor:
    """What the self-attention layers of one or more networks share during a pass.

    ``mode``: ``off`` is ordinary self-attention; ``record`` takes keys and values from the first frame of the batch
    and keeps them; ``read`` uses the kept ones. ``groups`` is the guidance multiplicity: the batch is laid out as
    [unconditional frames, conditional frames], and every group has an anchor of its own.
    """

    mode: str = "off"
    groups: int = 1
    kept: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)

    @contextmanager
    def passing(self, mode: str, groups: int) -> Iterator[None]:
        """Set the mode for one pass through the networks."""
        self.mode, self.groups = mode, groups
        try:
            yield
        finally:
            self.mode = "off"


class AnchorAttention:
    """An attention processor for ``attn1`` that follows an :class:`Anchor`."""

    def __init__(self, anchor: Anchor, layer: str) -> None:
        self.anchor = anchor
        self.layer = layer

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Return the layer's output for ``hidden_states`` (groups * frames, tokens, channels)."""
        groups = self.anchor.groups if self.anchor.mode != "off" else len(hidden_states)
        batch, tokens, channels = hidden_states.shape
        query = attn.to_q(hidden_states)
        # (G F, L, C) -> (G, F L, C): the frames of a group form one long sequence of queries.
        query = query.reshape(groups, -1, query.shape[-1])
        key, value = self._key_value(attn, hidden_states.reshape(groups, -1, tokens, channels))
        query, key, value = (_split_heads(x, attn.heads) for x in (query, key, value))
        out = scaled_dot_product_attention(query, key, value, scale=attn.scale)
        out = out.transpose(1, 2).reshape(batch, tokens, -1)
        result: Tensor = attn.to_out[1](attn.to_out[0](out))
        return result

    def _key_value(self, attn: Any, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return the anchor's keys and values (G, L, C); ``frames`` is (G, F, L, C)."""
        if self.anchor.mode == "read":
            return self.anchor.kept[self.layer]
        first = frames[:, 0]
        key, value = attn.to_k(first), attn.to_v(first)
        if self.anchor.mode == "record":
            self.anchor.kept[self.layer] = (key.detach(), value.detach())
        return key, value


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """(G, L, H d) -> (G, H, L, d)."""
    return x.view(len(x), x.shape[1], heads, -1).transpose(1, 2)


@contextmanager
def anchored(networks: dict[str, Any], anchor: Anchor) -> Iterator[None]:
    """Let the self-attention of these networks follow ``anchor``; put back what was there before at the end.

    Args:
        networks: name -> UNet or ControlNet; the name keeps their layers apart.
        anchor: what they follow.
    """
    before = {name: dict(network.attn_processors) for name, network in networks.items()}
    try:
        for name, network in networks.items():
            network.set_attn_processor(
                {
                    layer: AnchorAttention(anchor, f"{name}.{layer}")
                    if layer.endswith("attn1.processor")
                    else processor
                    for layer, processor in before[name].items()
                }
            )
        yield
    finally:
        for name, network in networks.items():
            network.set_attn_processor(before[name])
        anchor.kept.clear()


def repeat_for_groups(x: Tensor, groups: int) -> Tensor:
    """Lay frames out for guidance: (F, ...) -> (groups * F, ...), group after group."""
    return torch.cat([x] * groups) if groups > 1 else x
