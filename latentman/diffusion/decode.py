"""Latents to pictures, one frame at a time, with a guard against overflow in half precision."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor

from latentman.diffusion.group_statistics import GroupStatistics
from latentman.errors import NumericsError
from latentman.networks.backbone import Backbone

logger = logging.getLogger("latentman.diffusion")


T = TypeVar("T")

Decode = Callable[[Tensor], Tensor]
"""Latents (N, C, h, w) to pictures (N, 3, H, W), clamped to 0 to 1 and differentiable."""


def decode(backbone: Backbone, latents: Tensor) -> Tensor:
    """Return the pictures of latents (N, C, h, w) as (N, 3, H, W), clamped to 0 to 1 and differentiable.

    A VAE in half precision that overflows is converted to fp32, with a warning, and decodes again: SDXL's VAE overflows
    on ordinary latents. It stays in fp32, so that all later frames are decoded the same way.
    """
    return decoding(backbone.vae, lambda decode: decode(latents), latents)


def decoding(vae: Any, work: Callable[[Decode], T], latents: Tensor, *, first_is_whole: bool = False) -> T:
    """Return what work makes of pictures; made again in fp32, as :func:`decode` does, if the VAE overflowed in it.

    The host asks the device only once, at the end, whether any picture overflowed.

    Args:
        vae: what decodes: the backbone's VAE, or its tiny decoder.
        work: called with the function that decodes; twice after an overflow.
        latents: all that it decodes; where they are not finite themselves, the VAE is not to blame.
        first_is_whole: whether the first picture is whole and others are parts, which take its group statistics.
    """
    finite: list[Tensor] = []

    def attempt() -> T:
        statistics = GroupStatistics() if first_is_whole else nullcontext()

        def decoded(latents: Tensor) -> Tensor:
            with statistics:
                picture = _decoded(vae, latents)
            if vae.dtype != torch.float32:
                finite.append(torch.isfinite(picture.detach()).all())
            return picture.clamp(0, 1)

        return work(decoded)

    result = attempt()
    if finite and not torch.stack(finite).all() and torch.isfinite(latents).all():
        logger.warning("the VAE overflows in %s: decoding in float32 from here on", vae.dtype)
        vae.to(torch.float32)
        return attempt()
    return result


def _decoded(vae: Any, latents: Tensor) -> Tensor:
    latents, shift = latents / vae.config.scaling_factor, getattr(vae.config, "shift_factor", None)
    latents = latents + shift if shift else latents
    picture: Tensor = vae.decode(latents.to(vae.dtype)).sample
    return picture.float() / 2 + 0.5


@torch.no_grad()
def decode_frames(backbone: Backbone, latents: Tensor, on_frame: Callable[[], None] | None = None) -> Tensor:
    """Return finished frames (T, H, W, 3) uint8 on the CPU, decoded one at a time.

    Raises:
        NumericsError: if a frame cannot be decoded to finite values.
    """
    backbone.part_is_over("denoise")
    frames = []
    for index, latent in enumerate(latents):
        picture = decode(backbone, latent[None].to(backbone.device))[0]
        if not torch.isfinite(picture).all():
            raise NumericsError(f"frame {index} decodes to values that are not finite; use setup.dtype=float32")
        frames.append((picture * 255).round().to(torch.uint8).permute(1, 2, 0).cpu())
        if on_frame is not None:
            on_frame()
    return torch.stack(frames)
