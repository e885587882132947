"""Pictures from texts, by plain DDIM with guidance: for contact sheets and for the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from latentman.diffusion.schedule import seeded_noise
from latentman.train.mini.networks import Networks, new_scheduler

NEGATIVE = "low quality, blurry"
"""The negative text of ``setup=mini``."""


def token_ids(tokenizer: Any, texts: Sequence[str], device: torch.device | str) -> Tensor:
    """Return ids (N, L) of texts, cut and padded to the tokenizer's length."""
    ids: Tensor = tokenizer(
        list(texts), padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    ).input_ids
    return ids.to(device)


def encode_pictures(vae: Any, images: Tensor) -> Tensor:
    """Return latents (N, 4, h, w), scaled for the UNet, of images (N, 3, H, W) in 0 to 1."""
    return vae.encode(2 * images - 1).latent_dist.mean * vae.config.scaling_factor


def decode_latents(vae: Any, latents: Tensor) -> Tensor:
    """Return images (N, 3, H, W) in 0 to 1 of scaled latents (N, 4, h, w)."""
    return (vae.decode(latents / vae.config.scaling_factor).sample / 2 + 0.5).clamp(0, 1)


@torch.no_grad()
def sample(
    networks: Networks,
    texts: Sequence[str],
    *,
    depth: Tensor | None,
    latent_size: int,
    steps: int,
    guidance_scale: float,
    seeds: Sequence[int],
    negative: str = NEGATIVE,
    precision: str = "float32",
) -> Tensor:
    """Return images (N, 3, H, W) in 0 to 1.

    Args:
        networks: the model, on its device.
        texts: N prompts.
        depth: (N, H, W) uint8 for the ControlNet, or None to sample without it.
        latent_size: side of the latents.
        steps: DDIM steps.
        guidance_scale: scale of classifier-free guidance.
        seeds: a seed for the noise of each picture, which therefore does not depend on the others.
        negative: the negative prompt.
        precision: ``bfloat16`` for UNet and ControlNet; the rest is in single precision.
    """
    device = networks.device
    scheduler = new_scheduler()
    scheduler.set_timesteps(steps)
    ids = token_ids(networks.tokenizer, [negative] * len(texts) + list(texts), device)
    embeds = networks.text_encoder(ids).last_hidden_state
    noise = [seeded_noise((4, latent_size, latent_size), seed, stream=0) for seed in seeds]
    latents = torch.stack(noise).to(device)
    control = None if depth is None else _as_condition(depth, device)
    for timestep in scheduler.timesteps:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            predicted = predict_noise(networks, torch.cat([latents] * 2), timestep, embeds, control)
        away, towards = predicted.float().chunk(2)
        guided = away + guidance_scale * (towards - away)
        latents = scheduler.step(guided, timestep, latents).prev_sample
    return decode_latents(networks.vae, latents)


def predict_noise(
    networks: Networks, latents: Tensor, timestep: Tensor, embeds: Tensor, control: Tensor | None
) -> Tensor:
    """Return the predicted noise (2N, 4, h, w); ``control`` (N, 3, H, W) is the same for both halves."""
    residuals: dict[str, Any] = {}
    if control is not None and networks.controlnet is not None:
        down, mid = networks.controlnet(
            latents, timestep, encoder_hidden_states=embeds, controlnet_cond=torch.cat([control] * 2), return_dict=False
        )
        residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
    predicted: Tensor = networks.unet(latents, timestep, encoder_hidden_states=embeds, **residuals).sample
    return predicted


def _as_condition(depth: Tensor, device: torch.device) -> Tensor:
    """Return depth (N, H, W) uint8 as ControlNet input, (N, 3, H, W) in 0 to 1."""
    return (depth.to(device).float() / 255)[:, None].expand(-1, 3, -1, -1).contiguous()
