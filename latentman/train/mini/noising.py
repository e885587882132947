"""The forward process and the weight of each noise level."""

from __future__ import annotations

import torch
from torch import Tensor

from latentman.train.mini.networks import BETA_END, BETA_START, TIMESTEPS


def alphas_cumprod(device: torch.device | str) -> Tensor:
    """Return abar_t of the 1,000 training timesteps: betas that are linear in their square roots."""
    start, end = BETA_START**0.5, BETA_END**0.5
    betas = torch.linspace(start, end, TIMESTEPS, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0).float().to(device)


def add_noise(latents: Tensor, noise: Tensor, abar: Tensor) -> Tensor:
    """Return x_t (N, C, h, w) of clean latents, for abar_t (N,)."""
    share = abar[:, None, None, None]
    return share.sqrt() * latents + (1 - share).sqrt() * noise


def min_snr_weight(abar: Tensor, gamma: float) -> Tensor:
    """Return the weight (N,) of the error of predicted noise: min(SNR, gamma) / SNR (Hang et al. 2023, Eq. 8)."""
    snr = abar / (1 - abar)
    return snr.clamp(max=gamma) / snr
