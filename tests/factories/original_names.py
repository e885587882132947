"""The names that the first code gave to a model's tensors: single files and kohya's LoRAs of SDXL use them."""

from typing import Any

import torch
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
}  # fmt: skip
OUTSIDE = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip


def unet_prefixes(config: Any) -> dict[str, str]:
    """Present prefix -> original prefix of every block, for two layers a block."""
    names, count = dict(OUTSIDE), len(config.block_out_channels)
    for i in range(count):
        down, up = "CrossAttn" in config.down_block_types[i], "CrossAttn" in config.up_block_types[i]
        for j in range(2):
            names[f"down_blocks.{i}.resnets.{j}"] = f"input_blocks.{3 * i + j + 1}.0"
            if down:
                names[f"down_blocks.{i}.attentions.{j}"] = f"input_blocks.{3 * i + j + 1}.1"
        for j in range(3):
            names[f"up_blocks.{i}.resnets.{j}"] = f"output_blocks.{3 * i + j}.0"
            if up:
                names[f"up_blocks.{i}.attentions.{j}"] = f"output_blocks.{3 * i + j}.1"
        if i < count - 1:
            names[f"down_blocks.{i}.downsamplers.0.conv"] = f"input_blocks.{3 * (i + 1)}.0.op"
            names[f"up_blocks.{i}.upsamplers.0"] = f"output_blocks.{3 * i + 2}.{2 if up else 1}"
    names["mid_block.attentions.0"] = "middle_block.1"
    names["mid_block.resnets.0"], names["mid_block.resnets.1"] = "middle_block.0", "middle_block.2"
    return names


def original_unet_name(name: str, config: Any) -> str:
    """Present name of a tensor or layer of a UNet -> the first code's."""
    prefixes = unet_prefixes(config)
    prefix = max((p for p in prefixes if name == p or name.startswith(f"{p}.")), key=len)
    rest = name.removeprefix(prefix)
    if ".resnets." in name:
        part = rest.split(".")[1]
        rest = rest.replace(part, RESNET[part], 1)
    return prefixes[prefix] + rest


def original_vae_name(name: str) -> str:
    """Present name of a tensor of a VAE with four resolutions -> the first code's."""
    for i in range(4):
        name = name.replace(f"encoder.down_blocks.{i}.resnets.", f"encoder.down.{i}.block.")
        name = name.replace(f"encoder.down_blocks.{i}.downsamplers.0.", f"encoder.down.{i}.downsample.")
        name = name.replace(f"decoder.up_blocks.{i}.resnets.", f"decoder.up.{3 - i}.block.")
        name = name.replace(f"decoder.up_blocks.{i}.upsamplers.0.", f"decoder.up.{3 - i}.upsample.")
    for new, old in {
        "mid_block.resnets.0": "mid.block_1", "mid_block.resnets.1": "mid.block_2",
        "mid_block.attentions.0": "mid.attn_1", "conv_shortcut": "nin_shortcut", "conv_norm_out": "norm_out",
        "group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out",
    }.items():  # fmt: skip
        name = name.replace(new, old)
    return name


def open_clip_tensors(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A text encoder with projection -> OpenCLIP's names, as SDXL's second one is saved."""
    state = {name.removeprefix("text_model."): tensor for name, tensor in state.items()}
    out = {
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
        "text_projection": state["text_projection.weight"].T.contiguous(),
    }
    layers = {name.split(".")[2] for name in state if name.startswith("encoder.layers.")}
    for layer in layers:
        ours, theirs = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            parts = [state[f"{ours}.self_attn.{x}_proj.{kind}"] for x in "qkv"]
            out[f"{theirs}.attn.in_proj_{kind}"] = torch.cat(parts)
            for new, old in {
                "self_attn.out_proj": "attn.out_proj", "layer_norm1": "ln_1", "layer_norm2": "ln_2",
                "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
            }.items():  # fmt: skip
                out[f"{theirs}.{old}.{kind}"] = state[f"{ours}.{new}.{kind}"]
    return out


def single_file_tensors(unet: Any, vae: Any, texts: list[Any]) -> dict[str, Tensor]:
    """All tensors of a model under the first code's names: one text encoder is SD1.5's, two are SDXL's."""
    tensors = {f"model.diffusion_model.{original_unet_name(k, unet.config)}": v for k, v in unet.state_dict().items()}
    for name, tensor in vae.state_dict().items():
        is_matrix = ".attentions." in name and tensor.ndim == 2
        tensors[f"first_stage_model.{original_vae_name(name)}"] = tensor[..., None, None] if is_matrix else tensor
    prefix = "cond_stage_model." if len(texts) == 1 else "conditioner.embedders.0."
    for name, tensor in texts[0].state_dict().items():
        tensors[f"{prefix}transformer.text_model.{name}"] = tensor
    for text in texts[1:]:
        for name, tensor in open_clip_tensors(text.state_dict()).items():
            tensors[f"conditioner.embedders.1.model.{name}"] = tensor
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
