"""Stable Diffusion 3 and FLUX.1 with the published classes and narrow layers, saved in the hub's layout."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from latentman.config import SetupConfig
from latentman.diffusion.conditioning import build_control
from latentman.diffusion.denoise import Frames
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.text import encode_prompt
from latentman.networks.backbone import Backbone
from tests.factories.families import depth_pictures, make_text, save_parts
from tests.factories.tiny_model import ONE_CONTROLNET, random_map

IMAGE, GRID, CHANNELS, FRAMES = 64, 8, 4, 3
T5_WIDTH = 40
SHAPES = {"attention_head_dim": 8, "num_attention_heads": 2, "joint_attention_dim": T5_WIDTH}
SD3 = {
    **SHAPES, "sample_size": GRID, "in_channels": CHANNELS, "out_channels": CHANNELS, "caption_projection_dim": 16,
    "pooled_projection_dim": 10 + 20, "pos_embed_max_size": 6, "qk_norm": "rms_norm", "dual_attention_layers": (0,),
}  # fmt: skip
FLUX = {
    **SHAPES, "in_channels": 4 * CHANNELS, "pooled_projection_dim": 24, "axes_dims_rope": (2, 2, 4),
}  # fmt: skip


def randomised(network: Any, seed: int) -> Any:
    """The network with weights that let everything it reads count, its zero layers included."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.6 * parameter[0].numel() ** -0.5, generator=generator)
    return network


def make_transformer(family: str, **changes: Any) -> Any:
    from diffusers import FluxTransformer2DModel, SD3Transformer2DModel

    if family == "sd3":
        return randomised(SD3Transformer2DModel(**SD3 | {"num_layers": 3} | changes), 1)
    layers = {"num_layers": 2, "num_single_layers": 2, "guidance_embeds": family == "flux"}
    return randomised(FluxTransformer2DModel(**FLUX | layers | changes), 1)


def make_joint_controlnet(family: str, **changes: Any) -> Any:
    from diffusers import FluxControlNetModel, SD3ControlNetModel

    if family == "sd3":
        return randomised(SD3ControlNetModel(**SD3 | {"num_layers": 2} | changes), 2)
    layers = {"num_layers": 1, "num_single_layers": 1, "guidance_embeds": family == "flux"}
    return randomised(FluxControlNetModel(**FLUX | layers | changes), 2)


def make_joint_vae() -> Any:
    """A VAE whose encoder has next to no variance, so that a sample of it is its mean."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=1, norm_num_groups=4, latent_channels=CHANNELS,
        sample_size=IMAGE, use_quant_conv=False, use_post_quant_conv=False, scaling_factor=1.5, shift_factor=0.06,
    )  # fmt: skip
    with torch.no_grad():
        vae.encoder.conv_out.weight[CHANNELS:] = 0
        vae.encoder.conv_out.bias[CHANNELS:] = -30
    return vae


def save_t5(encoder: Path, tokenizer: Path) -> None:
    from transformers import T5Config, T5EncoderModel, T5TokenizerFast

    shape = {"d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2, "feed_forward_proj": "gated-gelu"}
    T5EncoderModel(T5Config(vocab_size=32, d_model=T5_WIDTH, **shape)).save_pretrained(encoder)
    letters = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((x, -2.0) for x in "▁abcdefghijklmnopqrstuvwxyz")]
    T5TokenizerFast(vocab=letters, extra_ids=0).save_pretrained(tokenizer)


def save_joint_family(folder: Path, family: str) -> None:
    """Save ``sd3``, ``flux`` (FLUX.1-dev) or ``schnell``."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    torch.manual_seed(1)
    is_sd3 = family == "sd3"
    parts = {
        "transformer": make_transformer(family), "controlnet": make_joint_controlnet(family), "vae": make_joint_vae(),
        "text_encoder": make_text(12, projection=10) if is_sd3 else make_text(24),
    }  # fmt: skip
    tokenizers = ["tokenizer"]
    if is_sd3:
        parts["text_encoder_2"] = make_text(20, projection=20)
        tokenizers.append("tokenizer_2")
    save_parts(folder, parts, tokenizers)
    number = 3 if is_sd3 else 2
    save_t5(folder / f"text_encoder_{number}", folder / f"tokenizer_{number}")
    shift = {"sd3": {"shift": 3.0}, "flux": {"shift": 3.0, "use_dynamic_shifting": True}, "schnell": {"shift": 1.0}}
    FlowMatchEulerDiscreteScheduler(**shift[family]).save_pretrained(folder / "scheduler")


def joint_setup(folder: Path | str, **more: Any) -> SetupConfig:
    values = {"name": "any", "model": str(folder), "image_size": IMAGE, "latent_size": GRID, "guidance_scale": 3.5}
    return SetupConfig(**values | {"pwg_strength": 2.5} | more)


def make_joint_frames(
    backbone: Backbone, conditioner: Any = ONE_CONTROLNET, *, scale: float = 3.5, words: int | None = None
) -> Frames:
    """``words``: tokens of the text that are kept; None keeps all, of which most are padding."""
    pictures = {net.kind: depth_pictures(FRAMES, IMAGE) for net in conditioner.nets}
    grid = (GRID, GRID)
    guided = scale if backbone.family.name.startswith("Stable") else 1.0
    text = encode_prompt(backbone, "a red robot", "blurry", guided)
    return Frames(
        text=replace(text, embeds=text.embeds[:, :words]),
        control=build_control(backbone, conditioner, pictures, num_frames=FRAMES, grid=grid, guidance_scale=scale),
        noise=initial_noise("independent", (FRAMES, CHANNELS, *grid), 3),
        latent_map=random_map(GRID, frames=FRAMES),
        guidance_map=random_map(IMAGE, seed=1, frames=FRAMES),
    )
