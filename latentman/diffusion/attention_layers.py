"""Where frames read each other: in which layers of which networks, from which step on, and which frames."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from latentman.errors import ConfigError
from latentman.networks.families import predicts_velocity

_ORDER = {"down_blocks": 0, "mid_block": 1, "up_blocks": 2}
"""The order in which a UNet calls its blocks; its modules are registered in a different order."""

DECODER_RESOLUTIONS = 2
"""Number of resolutions in ``layers: decoder``, counted from the finest one that has attention."""


@dataclass(frozen=True)
class AnchorRule:
    """Whose keys and values the self-attention of every frame reads, and in which layers and steps.

    ``anchor``: first, prev, first+prev or all. ``steps``: the step indices at which frames read it. ``layers`` and
    ``first_layer`` choose layers of the UNet. ``union``: frames read their own keys and values too.
    """

    anchor: str = "first"
    steps: range = range(0, 1000)
    layers: str = "all"
    first_layer: int | None = None
    union: bool = False


def is_joint(network: Any) -> bool:
    """Return whether a network is a transformer (MMDiT), whose attention is over text and image together."""
    return predicts_velocity(network.config)


def self_attention_layers(network: Any) -> list[str]:
    """Return the names of a network's self-attention modules in the order in which it calls them.

    In a transformer these are the attention over text and image, ``attn``, and over the image alone, ``attn2``.
    """
    if is_joint(network):
        return [name for name, _ in network.named_modules() if name.endswith((".attn", ".attn2"))]
    names = [name for name, _ in network.named_modules() if name.endswith(".attn1")]

    def order(name: str) -> tuple[int, ...]:
        return (_ORDER[name.partition(".")[0]], *(int(number) for number in re.findall(r"\.(\d+)(?=\.)", name)))

    return sorted(names, key=order)


def layers_that_follow(network: Any, rule: AnchorRule, *, is_unet: bool) -> list[str]:
    """Return the names of the self-attention modules that follow the anchor, in calling order.

    Raises:
        ConfigError: if ``first_layer`` is beyond the UNet's last layer, or a transformer's layers are chosen.
    """
    names = self_attention_layers(network)
    if not is_unet:
        return names
    if is_joint(network) and (rule.first_layer is not None or rule.layers != "all"):
        raise ConfigError(
            f"sampler.layers={rule.layers}, sampler.first_layer={rule.first_layer}: they choose layers of a UNet, and "
            "setup.model is a transformer, which has no decoder: use sampler=t2v_zero"
        )
    if rule.first_layer is not None:
        if rule.first_layer >= len(names):
            raise ConfigError(
                f"sampler.first_layer={rule.first_layer}: this UNet has {len(names)} self-attention layers, 0 to "
                f"{len(names) - 1}"
            )
        return names[rule.first_layer :]
    if rule.layers == "decoder":
        blocks = sorted({int(name.split(".")[1]) for name in names if name.startswith("up_blocks.")})
        last = {f"up_blocks.{block}" for block in blocks[-DECODER_RESOLUTIONS:]}
        return [name for name in names if ".".join(name.split(".")[:2]) in last]
    return names
