"""The published networks in their full size: their shapes always, and a step of Stable Diffusion 1.5 when asked for."""

import shutil

import numpy as np
import pytest
import torch

from latentman.config import SetupConfig
from latentman.diffusion.conditioning import build_control
from latentman.diffusion.denoise import Frames, Plan, denoise
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.pwg import GuidancePlan
from latentman.diffusion.text import encode_prompt
from latentman.networks.load import load_backbone
from latentman.system.paths import asset
from tests.factories.tiny_model import ONE_CONTROLNET, random_map

UNETS = {
    "sd15": {
        "block_out_channels": (320, 640, 1280, 1280), "attention_head_dim": 8, "cross_attention_dim": 768,
    },
    "sdxl": {
        "block_out_channels": (320, 640, 1280), "attention_head_dim": (5, 10, 20), "cross_attention_dim": 2048,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10), "use_linear_projection": True, "sample_size": 128,
        "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}  # fmt: skip


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


def save_sd15(folder):
    """Stable Diffusion 1.5 with random weights in bfloat16, 3 GB; only the vocabulary is smaller."""
    from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.set_default_dtype(torch.bfloat16)
    try:
        unet = UNet2DConditionModel(**UNETS["sd15"])
        sizes = {"unet": size(unet)}
        unet.save_pretrained(folder / "unet")
        controlnet = ControlNetModel.from_unet(unet, load_weights_from_unet=False)
        del unet
        sizes["controlnet"] = size(controlnet)
        controlnet.save_pretrained(folder / "controlnet")
        del controlnet
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2, sample_size=512,
        )  # fmt: skip
        vae.save_pretrained(folder / "vae")
        text = CLIPTextConfig(
            vocab_size=1044, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
            bos_token_id=1042, eos_token_id=1043, pad_token_id=1043,
        )  # fmt: skip
        CLIPTextModel(text).save_pretrained(folder / "text_encoder")
    finally:
        torch.set_default_dtype(torch.float32)
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    ).save_pretrained(folder / "scheduler")  # fmt: skip
    shutil.copytree(asset("mini-sd", "tokenizer"), folder / "tokenizer")
    return sizes


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_step_of_the_whole_method_on_full_size_stable_diffusion(tmp_path):
    torch.manual_seed(0)
    sizes = save_sd15(tmp_path / "sd15")
    assert sizes == {"unet": 859_520_964, "controlnet": 361_279_120}
    setup = SetupConfig(
        name="full", model=str(tmp_path / "sd15"), image_size=256, latent_size=32, guidance_scale=9.0, pwg_strength=8.0,
        dtype="bfloat16",
    )  # fmt: skip
    backbone = load_backbone(setup, ONE_CONTROLNET, torch.device("cpu"))
    count, grid = 2, 32
    pictures = {"depth": np.random.default_rng(0).random((count, 256, 256, 3), dtype=np.float32)}
    frames = Frames(
        text=encode_prompt(backbone, "a red robot", "blurry", 9.0),
        control=build_control(backbone, ONE_CONTROLNET, pictures, num_frames=count, grid=(grid, grid)),
        noise=initial_noise("shared", (count, 4, grid, grid), 0),
        latent_map=random_map(grid, frames=count),
        guidance_map=random_map(64, seed=1, frames=count),
    )
    plan = Plan(
        num_steps=1,
        guidance_scale=9.0,
        seed=0,
        anchor_modules=("unet", "controlnet"),
        sla_steps=range(1),
        guidance=GuidancePlan(steps=range(1), delta=0.01, strength=8.0),
    )
    latents = denoise(backbone, frames, plan)
    assert latents.shape == (count, 4, grid, grid)
    assert latents.dtype == torch.float32
    assert torch.isfinite(latents).all()
