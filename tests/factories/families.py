"""Stable Diffusion 1.5 and SDXL with the published block types and narrow layers, saved in the hub's layout."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from latentman.config import ConditionerConfig, NetConfig, SetupConfig
from latentman.diffusion.conditioning import build_control
from latentman.diffusion.denoise import Frames
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.text import encode_prompt
from latentman.networks.backbone import Backbone
from latentman.system.paths import asset
from tests.factories.tiny_model import ONE_CONTROLNET, random_map

IMAGE, GRID, FRAMES = 128, 16, 2

UNETS: dict[str, dict[str, Any]] = {
    "sd15": {
        "down_block_types": (*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
        "up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
        "block_out_channels": (16, 32, 32, 32),
        "attention_head_dim": 4,
        "cross_attention_dim": 24,
    },
    "sdxl": {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "block_out_channels": (16, 32, 32),
        "attention_head_dim": (2, 4, 4),
        "transformer_layers_per_block": (1, 2, 10),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + 20,
        "cross_attention_dim": 24 + 40,
    },
}
TOKENS = {"vocab_size": 1044, "bos_token_id": 1042, "eos_token_id": 1043, "pad_token_id": 1043}


def make_unet(family: str, **changes: Any) -> Any:
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(sample_size=GRID, norm_num_groups=4, **UNETS[family] | changes)
    # As they are initialised, narrow layers hardly care for what they attend to.
    for name, parameter in unet.named_parameters():
        if name.endswith(("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight")):
            nn.init.normal_(parameter, std=0.3)
    return unet


def make_controlnet(unet: Any) -> Any:
    from diffusers import ControlNetModel

    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8, 16))
    zero = [*controlnet.controlnet_down_blocks.parameters(), *controlnet.controlnet_mid_block.parameters()]
    for parameter in [*zero, controlnet.controlnet_cond_embedding.conv_out.weight]:
        nn.init.normal_(parameter, std=0.1)
    return controlnet


def make_vae() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        norm_num_groups=4,
        sample_size=IMAGE,
    )


def make_text(width: int, *, projection: int | None = None) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3, num_attention_heads=2,
        projection_dim=projection or width, **TOKENS,
    )  # fmt: skip
    return CLIPTextModel(config) if projection is None else CLIPTextModelWithProjection(config)


def save_family(folder: Path, family: str) -> None:
    from diffusers import DDIMScheduler

    torch.manual_seed(1)
    unet = make_unet(family)
    parts = {"unet": unet, "controlnet": make_controlnet(unet), "vae": make_vae(), "text_encoder": make_text(24)}
    tokenizers = ["tokenizer"]
    if family == "sdxl":
        parts["text_encoder_2"] = make_text(40, projection=20)
        tokenizers.append("tokenizer_2")
    save_parts(folder, parts, tokenizers)
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    ).save_pretrained(folder / "scheduler")  # fmt: skip


def save_parts(folder: Path, parts: dict[str, Any], tokenizers: list[str]) -> None:
    for name, part in parts.items():
        part.save_pretrained(folder / name, safe_serialization=True)
    for name in tokenizers:
        shutil.copytree(asset("mini-sd", "tokenizer"), folder / name)


def family_setup(folder: Path | str, **more: Any) -> SetupConfig:
    return SetupConfig(
        name="any", model=str(folder), image_size=IMAGE, latent_size=GRID, guidance_scale=5.0, pwg_strength=4.0, **more
    )


def depth_pictures(frames: int = FRAMES, size: int = IMAGE) -> np.ndarray:
    grey = np.random.default_rng(1).random((frames, size, size, 1), dtype=np.float32)
    return np.repeat(grey, 3, axis=-1)


def make_family_frames(backbone: Backbone, conditioner: Any = ONE_CONTROLNET) -> Frames:
    pictures = {net.kind: depth_pictures() for net in conditioner.nets}
    return Frames(
        text=encode_prompt(backbone, "a red robot", "blurry", 5.0),
        control=build_control(backbone, conditioner, pictures, num_frames=FRAMES, grid=(GRID, GRID)),
        noise=initial_noise("independent", (FRAMES, 4, GRID, GRID), 3),
        latent_map=random_map(GRID, frames=FRAMES),
        guidance_map=random_map(64, seed=1, frames=FRAMES),
    )


def save_net(folder: Path, network: Any) -> str:
    network.save_pretrained(folder)
    return str(folder)


def make_adapter(family: str, **changes: Any) -> Any:
    from diffusers import T2IAdapter

    torch.manual_seed(8)
    kind = {
        "sd15": {"channels": [16, 32, 32, 32], "downscale_factor": 8, "adapter_type": "full_adapter"},
        "sdxl": {"channels": [16, 32, 32, 32], "downscale_factor": 16, "adapter_type": "full_adapter_xl"},
    }[family]
    return T2IAdapter(**{"in_channels": 3, "num_res_blocks": 2} | kind | changes)


def one_adapter(model: str, scale: float = 1.0) -> ConditionerConfig:
    return ConditionerConfig(name="t2i_adapter", nets=[NetConfig(model=model, scale=scale)])
