"""One attention for every base sampler: the queries of a frame attend to the keys and values of its anchor.

Text2Video-Zero (its section 3.3) lets every frame read the first one, in all self-attention layers at all steps;
MasaCtrl does so in the UNet's last decoder layers after its first steps; other samplers read the previous frame, both,
or all. They are presets of :class:`AnchorRule`. It is installed on ``attn1`` only, so that cross-attention to the text,
and whatever else is installed there (IP-Adapter, LoRA), stays unchanged.

There are two exact savings over repeating keys and values for every frame. Where all frames read the same keys, their
queries are folded into one attention call per guidance group. Later chunks read what earlier ones left, instead of
running the anchor again. The processors do not count calls: each pass sets their mode from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from latentman.diffusion.anchor_state import Anchor, gathered, read_first
from latentman.diffusion.attention_layers import AnchorRule, is_joint, layers_that_follow
from latentman.diffusion.heads import attend_heads
from latentman.diffusion.joint_attention import JointAnchorAttention
from latentman.diffusion.token_method import Layer
from latentman.errors import WeightsError


class AnchorAttention:
    """An attention processor for ``attn1`` that follows an :class:`Anchor`.

    Args:
        anchor: what it follows.
        layer: its name.
        follows: whether frames read their anchor in this layer; else only a token method acts here.
        is_open: whether a token method acts in this layer.
    """

    def __init__(self, anchor: Anchor, layer: str, *, follows: bool = True, is_open: bool = False) -> None:
        self.anchor = anchor
        self.layer = layer
        self.follows = follows
        self.is_open = is_open

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Return the layer's output for ``hidden_states`` (groups * frames, tokens, channels)."""
        if self.is_open and self.anchor.method is not None:
            out = self.anchor.method(self._opened(attn, hidden_states)).flatten(0, 1)
            changed: Tensor = attn.to_out[1](attn.to_out[0](out))
            return changed
        query = attn.to_q(hidden_states)
        if self.anchor.mode == "off" or not self.follows:
            out = attend(attn, query, attn.to_k(hidden_states), attn.to_v(hidden_states))
        else:
            batch = hidden_states.unflatten(0, (self.anchor.groups, -1))
            out = self._follow(attn, query.unflatten(0, (self.anchor.groups, -1)), batch).flatten(0, 1)
        result: Tensor = attn.to_out[1](attn.to_out[0](out))
        return result

    def _opened(self, attn: Any, hidden_states: Tensor) -> Layer:
        """Return this layer as a token method sees it."""
        anchor, batch = self.anchor, hidden_states.unflatten(0, (self.anchor.groups, -1))
        assert anchor.maps is not None

        def read(query: Tensor, own: Callable[[], tuple[Tensor, Tensor]] | None = None) -> Tensor:
            if anchor.mode != "off" and self.follows:
                return self._follow(attn, query, batch, own)
            key, value = (attn.to_k(batch), attn.to_v(batch)) if own is None else own()
            return attend(attn, *(x.flatten(0, 1) for x in (query, key, value))).view_as(query)

        return Layer(
            name=self.layer,
            batch=batch,
            frames=tuple(range(anchor.maps.frames)[anchor.frames]),
            maps=anchor.maps,
            query=attn.to_q,
            key=attn.to_k,
            value=attn.to_v,
            read=read,
            attend=partial(attend, attn),
            memory=anchor.memory,
        )

    def _follow(
        self, attn: Any, query: Tensor, batch: Tensor, own: Callable[[], tuple[Tensor, Tensor]] | None = None
    ) -> Tensor:
        """Return what queries (G, F, L, C) read, in their shape; ``batch`` (G, F, L, C) is the layer's input.

        ``own`` returns the frames' own keys and values, where they are not those of the input.
        """
        rule, masks = self.anchor.rule, self.anchor.masks
        if rule.anchor == "first" and not rule.union:
            first = batch[:, 0]
            key, value = read_first(self.anchor, self.layer, lambda: (attn.to_k(first), attn.to_v(first)))
            if masks is not None:
                return masks.read_apart(lambda q, k, v: attend(attn, q, k, v), query, key, value, self.anchor.frames)
            return attend(attn, query.flatten(1, 2), key, value).view_as(query)
        key, value = (attn.to_k(batch), attn.to_v(batch)) if own is None else own()
        if rule.anchor == "all":
            key, value = (x.detach().flatten(1, 2) for x in (key, value))
            return attend(attn, query.flatten(1, 2), key, value).view_as(query)
        key, value = gathered(self.anchor, self.layer, key, value)
        return attend(attn, *(x.flatten(0, 1) for x in (query, key, value))).view_as(query)


def attend(attn: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return multi-head attention of queries (B, Q, C) over keys and values (B, L, C), as (B, Q, C)."""
    return attend_heads(*(x.unflatten(-1, (attn.heads, -1)) for x in (query, key, value)), scale=attn.scale)


Chosen = tuple[str, Any, Any]
"""A layer that follows: its name, its attention module, and the processor that must be there."""


@dataclass(frozen=True)
class Installed:
    """The layers that follow an anchor."""

    layers: tuple[Chosen, ...]

    def check(self) -> None:
        """Refuse to continue if other code has replaced a processor: the frames would silently diverge.

        Raises:
            WeightsError: naming the layer and the processor found there.
        """
        for name, module, processor in self.layers:
            if module.processor is not processor:
                raise WeightsError(
                    f"the attention of {name} was replaced by {type(module.processor).__name__} while frames were "
                    "being denoised; load LoRAs and adapters through the setup (setup.loras, setup.ip_adapter)"
                )


@contextmanager
def anchored(
    networks: Mapping[str, Any], anchor: Anchor, *, opened: Mapping[str, Any] | None = None, layers: str = "all"
) -> Iterator[Installed]:
    """Let the self-attention of these networks follow ``anchor``; restore the earlier processors at the end.

    Args:
        networks: name -> UNet or ControlNet; the name distinguishes their layers. The rule's choice of layers applies
            to ``unet``; in other networks all layers follow.
        anchor: what they follow.
        opened: name -> network in whose layers a token method acts, whether or not they follow.
        layers: the layers of these networks in which it acts, as :attr:`AnchorRule.layers`.
    """
    chosen: list[Chosen] = []
    for name, network in networks.items():
        modules = dict(network.named_modules())
        processor: type[Any] = JointAnchorAttention if is_joint(network) else AnchorAttention
        chosen += [
            (f"{name}.{layer}", modules[layer], processor(anchor, f"{name}.{layer}"))
            for layer in layers_that_follow(network, anchor.rule, is_unet=name == "unet")
        ]
    chosen = _with_opened(chosen, anchor, opened or {}, layers)
    before = [module.processor for _, module, _ in chosen]
    try:
        for _, module, processor in chosen:
            module.set_processor(processor)
        yield Installed(tuple(chosen))
    finally:
        for (_, module, processor), original in zip(chosen, before, strict=True):
            if module.processor is processor:
                module.set_processor(original)
        anchor.kept.clear()
        anchor.memory.kept.clear()


def _with_opened(chosen: list[Chosen], anchor: Anchor, opened: Mapping[str, Any], layers: str) -> list[Chosen]:
    """Return the layers that follow, and those in which a token method acts, opened to it."""
    following = {entry[0]: entry for entry in chosen}
    for network_name, network in opened.items():
        modules = dict(network.named_modules())
        for layer in layers_that_follow(network, AnchorRule(layers=layers), is_unet=True):
            name = f"{network_name}.{layer}"
            if name not in following:
                following[name] = (name, modules[layer], AnchorAttention(anchor, name, follows=False))
            following[name][2].is_open = True
    return list(following.values())


def repeat_for_groups(x: Tensor, groups: int) -> Tensor:
    """Lay frames out for guidance: (F, ...) -> (groups * F, ...), group after group."""
    return torch.cat([x] * groups) if groups > 1 else x
