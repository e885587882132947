"""From the gradient with respect to x0 to the step of Eq. 8, in three readings.

With g = d loss / d x0, abar of the step and s = guidance_scale, x0 = (x_t - sqrt(1 - abar) noise) / sqrt(abar) and
noise = (1 - s) noise_uncond + s noise_cond:

``full`` is Eq. 8 read literally, the gradient with respect to x_t along every path: straight through x_t, and through
the UNet and the ControlNet in both halves of the guidance.

``official_uncond`` is what the released code computes. It differentiates the doubled input of the UNet and keeps the
unconditional half, without the path straight through x_t: (s - 1) sqrt((1 - abar) / abar) J_uncond^T g. (The other half
alone would have the opposite sign.)

``direct`` leaves out the networks: strength sqrt((1 - abar) / abar) g, with strength = s - 1. Where the UNet's Jacobian
is near sqrt(1 - abar)-fold identity it is ``official_uncond``, at the cost of no UNet at all.

A frame's anchor is a constant: no gradient crosses frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.config import PwgConfig
from latentman.diffusion.predict import Prediction, guided


@dataclass(frozen=True)
class GuidancePlan:
    """How strongly and along which path pixels guide: the group ``pwg``, whose defaults these are, and ``strength``."""

    steps: range = range(0)
    gradient: str = PwgConfig.gradient
    loss: str = PwgConfig.loss
    delta: float = PwgConfig.delta
    strength: float = 0.0
    """The setup's ``pwg_strength``, which only ``direct`` reads."""
    chunk_size: int = PwgConfig.chunk_size
    checkpointing: bool = PwgConfig.checkpointing


def guidance_step(
    plan: GuidancePlan, gradient_x0: Tensor, latents: Tensor, timestep: int, alpha_cumprod: float, networks: Prediction
) -> Tensor:
    """Return what Eq. 8 takes from x_{t-1}: delta times the gradient, (T, C, h, w) in fp32.

    Args:
        plan: the reading and its strength.
        gradient_x0: of the loss with respect to x0, (T, C, h, w).
        latents: x_t, as the UNet has seen it, (T, C, h, w).
        timestep: t.
        alpha_cumprod: abar of t.
        networks: the prediction that x0 was made with.
    """
    ratio = ((1 - alpha_cumprod) / alpha_cumprod) ** 0.5
    if plan.gradient == "direct":
        return float(plan.delta * plan.strength * ratio) * gradient_x0
    uncond = plan.gradient == "official_uncond"
    with _checkpointing(networks, enabled=plan.checkpointing):
        jacobian = through_networks(networks, latents, gradient_x0, timestep, plan.chunk_size, uncond=uncond)
    if uncond:
        return plan.delta * (networks.guidance_scale - 1) * ratio * jacobian
    return plan.delta * (gradient_x0 / alpha_cumprod**0.5 - ratio * jacobian)


def through_networks(
    networks: Prediction, latents: Tensor, vectors: Tensor, timestep: int, chunk_size: int, *, uncond: bool
) -> Tensor:
    """Return J^T v of the predicted noise with respect to x_t, frame by frame in chunks, (T, C, h, w) in fp32.

    Args:
        networks: the prediction whose Jacobian is meant.
        latents: x_t (T, C, h, w).
        vectors: v (T, C, h, w).
        timestep: t.
        chunk_size: frames differentiated at once.
        uncond: of the unconditional half through the UNet alone; else of the guided noise through all networks.
    """
    text = networks.text.group(0) if uncond and networks.text.groups > 1 else networks.text
    products = []
    for frames in networks.chunks(len(latents), chunk_size):
        vector, exponent = _scaled(vectors[frames])
        with networks.passing(frames, text), torch.enable_grad():
            x = latents[frames].detach().requires_grad_()
            noise = networks.noise(x, timestep, text, frames, control_gradient=not uncond)
            if not uncond:
                noise = guided(noise, text.groups, networks.guidance_scale)
            # Within the pass: checkpointed layers run again on the way back.
            (product,) = torch.autograd.grad(noise, x, vector)
        products.append(torch.ldexp(product, -exponent))
    return torch.cat(products)


def _scaled(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Return vectors scaled by a power of two to a largest value between 1 and 2, and its exponent.

    Networks in half precision would lose small gradients; a power of two loses nothing.
    """
    largest = vectors.abs().max()
    exponent = torch.where(largest > 0, 1 - torch.frexp(largest).exponent, 0)
    return torch.ldexp(vectors, exponent), exponent


@contextmanager
def _checkpointing(networks: Prediction, *, enabled: bool) -> Iterator[None]:
    """Let the UNet and the ControlNets keep fewer activations for the time of a backward pass."""
    modules = networks.modules() if enabled else []
    for module in modules:
        module.enable_gradient_checkpointing()
    try:
        yield
    finally:
        for module in modules:
            module.disable_gradient_checkpointing()
