"""Calls of a transformer (MMDiT) and of its ControlNets: the velocity of latents, in the form that each family reads.

Latents stay pictures (C, h, w) everywhere else, so that noise, alignment and guidance work as with a UNet. FLUX.1 reads
them packed: 2 x 2 cells are one token. Its rotary positions are the row and column of a token; text has none.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from latentman.networks.families import is_flux, reads_guidance_scale
from latentman.networks.joint_architecture import PACK

_TRAINED = 1000
"""Training timesteps: FLUX.1 reads t as a share of them."""


def predict_velocity(
    transformer: Any, noisy: Tensor, timestep: Tensor, text: dict[str, Any], guidance_scale: float, **residuals: Any
) -> Tensor:
    """Return the velocity (B, C, h, w) of latents.

    Args:
        transformer: of Stable Diffusion 3 or FLUX.1.
        noisy: x_t (B, C, h, w).
        timestep: t, a number in a tensor.
        text: what it reads of the text, as keyword arguments.
        guidance_scale: read by a transformer that was distilled for it.
        residuals: what ControlNets add, as keyword arguments.
    """
    velocity: Tensor = call_transformer(transformer, noisy, timestep, text, guidance_scale, **residuals)[0]
    return unpack(velocity, noisy.shape[2], noisy.shape[3]) if is_flux(transformer.config) else velocity


def call_transformer(
    network: Any, noisy: Tensor, timestep: Tensor, text: dict[str, Any], guidance_scale: float, **more: Any
) -> tuple[Any, ...]:
    """Return what a transformer or one of its ControlNets returns for latents (B, C, h, w), tokens as they come.

    The arguments are those of :func:`predict_velocity`; ``more`` are the network's own.
    """
    t = timestep.expand(len(noisy))
    if not is_flux(network.config):
        out = network(hidden_states=noisy, timestep=t, return_dict=False, **text, **more)
        return tuple(out)
    height, width = noisy.shape[2] // PACK, noisy.shape[3] // PACK
    scale = None
    if reads_guidance_scale(network.config):
        scale = torch.full((len(noisy),), guidance_scale, device=noisy.device)
    out = network(
        hidden_states=pack(noisy),
        timestep=t.to(noisy.dtype) / _TRAINED,
        guidance=scale,
        img_ids=positions(height, width, noisy),
        txt_ids=noisy.new_zeros(text["encoder_hidden_states"].shape[1], 3),
        return_dict=False,
        **text,
        **more,
    )
    return tuple(out)


def positions(height: int, width: int, like: Tensor) -> Tensor:
    """Return the positions (height * width, 3) of image tokens: 0, row and column."""
    rows, cols = (torch.arange(size, device=like.device, dtype=like.dtype) for size in (height, width))
    grid = torch.stack([torch.zeros(height, width).to(like), *torch.meshgrid(rows, cols, indexing="ij")], dim=-1)
    return grid.flatten(0, 1)


def pack(latents: Tensor) -> Tensor:
    """Return latents (B, C, h, w) as tokens (B, h w / 4, 4 C): a channel's 2 x 2 cells together."""
    tokens = latents.unflatten(2, (-1, PACK)).unflatten(4, (-1, PACK))
    return tokens.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """Return tokens (B, h w / 4, 4 C) as latents (B, C, h, w)."""
    cells = tokens.unflatten(1, (height // PACK, width // PACK)).unflatten(3, (-1, PACK, PACK))
    return cells.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)
