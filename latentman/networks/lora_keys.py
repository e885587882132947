"""The names that LoRA files give to the layers that they change, translated to the names of our networks.

Three spellings are in use: kohya's (``lora_unet_down_blocks_0_..._to_q.lora_down.weight``, of SDXL with the first
code's block names), that of diffusers and peft (``unet.down_blocks.0...to_q.lora_A.weight``), and older ones of
diffusers (``...attn1.processor.to_q_lora.down.weight``). Flattened to underscores they are nearly one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_MATRIX = re.compile(r"(.+?)[._]lora(?:_linear_layer)?[._](down|up|A|B)(?:\.[^.]+)?\.weight")
_NETWORKS = {
    "lora_unet_": "unet", "unet_": "unet",
    "lora_te1_": "text_encoder", "lora_te2_": "text_encoder_2", "lora_te_": "text_encoder",
    "text_encoder_2_": "text_encoder_2", "text_encoder_": "text_encoder",
}  # fmt: skip
"""What flattened names begin with; the longer of two comes first."""

_RESNET = {
    "in_layers_2": "conv1", "out_layers_3": "conv2", "emb_layers_1": "time_emb_proj",
    "skip_connection": "conv_shortcut", "op": "conv",
}  # fmt: skip
_OUTSIDE = {
    "input_blocks_0_0": "conv_in", "out_2": "conv_out",
    "time_embed_0": "time_embedding_linear_1", "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1", "label_emb_0_2": "add_embedding_linear_2",
}  # fmt: skip
_OLD_TEXT = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}


@dataclass(frozen=True)
class LoraKey:
    """One tensor of a LoRA: ``layer`` is the network's name and the layer's, flattened; ``part``: down, up or alpha."""

    network: str
    layer: str
    part: str


def parse_key(key: str, layers_per_block: int) -> LoraKey | None:
    """Return what a tensor's name means, or None for one that belongs to no plain LoRA.

    Args:
        key: the name in the file.
        layers_per_block: of the UNet's configuration; the first code counts blocks by it.
    """
    matrix = _MATRIX.fullmatch(key)
    if matrix:
        name, part = matrix[1], {"A": "down", "B": "up"}.get(matrix[2], matrix[2])
    elif key.endswith(".alpha"):
        name, part = key.removesuffix(".alpha"), "alpha"
    else:
        return None
    network, layer = _network(name.replace(".", "_").removeprefix("base_model_model_"))
    layer = layer.replace("_processor_", "_")
    return LoraKey(network, _unet_layer(layer, layers_per_block) if network == "unet" else _text_layer(layer), part)


def flattened(name: str) -> str:
    """Return a module's name as :func:`parse_key` spells it."""
    return name.replace(".", "_").removeprefix("text_model_")


def _network(flat: str) -> tuple[str, str]:
    for prefix, network in _NETWORKS.items():
        if flat.startswith(prefix):
            return network, flat.removeprefix(prefix)
    return "unet", flat


def _text_layer(layer: str) -> str:
    layer = layer.removeprefix("text_model_")
    for old, new in _OLD_TEXT.items():
        if layer.endswith(f"self_attn_{old}"):
            return layer.removesuffix(old) + new
    return layer


def _unet_layer(layer: str, layers_per_block: int) -> str:
    layer = _OUTSIDE.get(layer, layer)
    block = re.fullmatch(r"(input_blocks|middle_block|output_blocks)_(\d+)_(.+)", layer)
    if block:
        layer = _renamed_block(block[1], int(block[2]), block[3], layers_per_block)
    return f"{layer}_0" if layer.endswith("_to_out") else layer


def _renamed_block(kind: str, index: int, rest: str, layers_per_block: int) -> str:
    """Return the present name of a layer of the first code's UNet."""
    if kind == "middle_block":
        place = {0: "resnets_0", 1: "attentions_0", 2: "resnets_1"}.get(index, "")
        return f"mid_block_{place}_{_RESNET.get(rest, rest)}"
    inner, _, rest = rest.partition("_")
    rest, place = _RESNET.get(rest, rest), {"0": "resnets", "1": "attentions"}.get(inner, "")
    count = layers_per_block + 1
    block, layer = divmod(index - 1 if kind == "input_blocks" else index, count)
    if kind == "input_blocks":
        if layer == layers_per_block:
            return f"down_blocks_{block}_downsamplers_0_{rest}"
        return f"down_blocks_{block}_{place}_{layer}_{rest}"
    if rest == "conv":
        return f"up_blocks_{block}_upsamplers_0_conv"
    return f"up_blocks_{block}_{place}_{layer}_{rest}"


def stated_alpha(words: dict[str, Any], network: str, layer: str, rank: int) -> float:
    """Return the alpha that peft wrote about itself in the file's metadata; without a word it is the rank."""
    prefix = f"{network}." if any(key.startswith(f"{network}.") for key in words) else ""
    alpha = words.get(f"{prefix}lora_alpha", rank)
    for name, value in (words.get(f"{prefix}alpha_pattern") or {}).items():
        if layer.endswith(flattened(name)):
            alpha = value
    return float(alpha) * (rank**0.5 if words.get(f"{prefix}use_rslora") else 1.0)
