"""A random-weight model of Stable Diffusion's block types, saved in the hub's layout, loaded by the public loader."""

import shutil
from pathlib import Path

import numpy as np
import torch

from latentman.config import ConditionerConfig, NetConfig, SetupConfig
from latentman.diffusion.conditioning import build_control
from latentman.diffusion.denoise import Frames
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.text import encode_prompt
from latentman.networks.backbone import Backbone
from latentman.system.paths import asset
from latentman.types import Correspondence

IMAGE, GRID, FRAMES, STEPS = 64, 8, 4, 5
ONE_CONTROLNET = ConditionerConfig(name="controlnet", nets=[NetConfig()])


def tiny_unet():
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=GRID,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def save_tiny_model(folder: Path) -> None:
    from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    unet = tiny_unet()
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 16, 16))
    for parameter in [*controlnet.controlnet_down_blocks.parameters(), *controlnet.controlnet_mid_block.parameters()]:
        torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.normal_(controlnet.controlnet_cond_embedding.conv_out.weight, std=0.1)
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=IMAGE,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=1044, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            bos_token_id=1042, eos_token_id=1043, pad_token_id=1043,
        )
    )  # fmt: skip
    for name, part in {"unet": unet, "controlnet": controlnet, "vae": vae, "text_encoder": text}.items():
        part.save_pretrained(folder / name, safe_serialization=True)
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    ).save_pretrained(folder / "scheduler")  # fmt: skip
    shutil.copytree(asset("mini-sd", "tokenizer"), folder / "tokenizer")


def tiny_setup(folder: Path) -> SetupConfig:
    return SetupConfig(
        name="tiny", model=str(folder), image_size=IMAGE, latent_size=GRID, guidance_scale=5.0, pwg_strength=8.0
    )


def random_map(size: int, *, frames: int = FRAMES, seed: int = 0, reference: str = "prev") -> Correspondence:
    """Random injective matches, a different number for each pair."""
    rng = np.random.default_rng(seed)
    cells = np.argwhere(np.ones((size, size))).astype(np.int32)
    pairs = [(np.zeros((0, 2), np.int32), np.zeros((0, 2), np.int32))]
    for i in range(1, frames):
        count = size * size // (2 + i)
        pairs.append((rng.permutation(cells)[:count], rng.permutation(cells)[:count]))
    return Correspondence(tuple(pairs), size, reference, np.zeros(frames), np.zeros(frames, np.int64))


def moving_box(frames: int) -> torch.Tensor:
    """A figure that walks to the right: (T, h, w) bool."""
    figures = torch.zeros(frames, GRID, GRID, dtype=torch.bool)
    for i in range(frames):
        figures[i, GRID // 4 : 3 * GRID // 4, 1 + i : 4 + i] = True
    return figures


def make_frames(backbone: Backbone, disparity: np.ndarray, *, guidance_scale: float = 5.0, seed: int = 3) -> Frames:
    """Frames of random pictures and random maps."""
    count = len(disparity)
    pictures = {"depth": np.repeat(disparity[..., None], 3, axis=-1)}
    return Frames(
        text=encode_prompt(backbone, "a red robot", "blurry", guidance_scale),
        control=build_control(backbone, ONE_CONTROLNET, pictures, num_frames=count, grid=(GRID, GRID)),
        noise=initial_noise("shared", (count, 4, GRID, GRID), seed),
        latent_map=random_map(GRID, frames=count),
        guidance_map=random_map(IMAGE, seed=1, frames=count),
        figures=moving_box(count),
    )
