"""The loaded networks of a setup: UNet, VAE, text encoders, tokenizers, scheduler and what steers the figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from latentman.networks.families import FLUX, SD15, Family
from latentman.networks.ip_adapter import ImagePrompt
from latentman.networks.joint_architecture import PACK
from latentman.networks.offload import send_away


@dataclass(frozen=True)
class Backbone:
    """The loaded networks, frozen and in evaluation mode; latents and scheduler stay in fp32 whatever ``dtype`` is."""

    unet: Any
    """The network that predicts: a UNet, or the transformer (MMDiT) of Stable Diffusion 3 and FLUX.1."""
    controlnets: tuple[Any, ...]
    """In the order of ``conditioner.nets``; none where something else steers the figure."""
    control_embeddings: tuple[nn.Module, ...]
    """Their stems, taken out of them: they do not depend on t, so they run once per frame, not once per step."""
    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any
    device: torch.device
    dtype: torch.dtype

    adapter: Any = None
    """The T2I-Adapter, where one steers the figure."""
    text_encoder_2: Any = None
    """SDXL's second text encoder, whose pooled output the UNet reads too; None for other models."""
    tokenizer_2: Any = None
    t5: Any = None
    """A transformer's T5, or None."""
    t5_tokenizer: Any = None
    family: Family = SD15
    image_prompt: ImagePrompt | None = None
    """An IP-Adapter's picture; its processors are on the UNet already."""
    tiny_decoder: Any = None
    """The small network that decodes for the guidance, in place of the VAE, or None."""
    image_size: int = 0
    """Pixels along each side of the picture, which SDXL takes as an input."""
    offload: bool = False
    """Whether networks wait in the computer's memory and come to ``device`` when they are called."""

    def networks(self, modules: Iterable[str]) -> dict[str, Any]:
        """Return the networks that ``sampler.modules`` names; ``controlnet`` means all of them."""
        found: dict[str, Any] = {"unet": self.unet} if "unet" in modules else {}
        if "controlnet" in modules:
            found |= {f"controlnet_{index}": network for index, network in enumerate(self.controlnets)}
        return found

    @property
    def text_encoders(self) -> tuple[tuple[Any, Any], ...]:
        """Every text encoder of CLIP with its tokenizer."""
        first = (self.text_encoder, self.tokenizer)
        return (first,) if self.text_encoder_2 is None else (first, (self.text_encoder_2, self.tokenizer_2))

    def part_is_over(self, part: str) -> None:
        """Let offloaded networks leave the device: those of the part ``text``, ``control`` or ``denoise``."""
        if not self.offload or self.device.type == "cpu":
            return
        if part == "text":
            send_away([encoder for encoder, _ in self.text_encoders])
            send_away([self.t5] if self.t5 is not None else [])
            send_away([self.image_prompt.encoder] if self.image_prompt is not None else [])
        elif part == "control":
            send_away([self.adapter] if self.adapter is not None else [])
        else:
            send_away([self.unet, *self.controlnets])

    @property
    def vae_scale_factor(self) -> int:
        """Pixels per latent cell along each axis."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def latent_channels(self) -> int:
        """Channels of the latents, not packed."""
        channels = int(self.unet.config.in_channels)
        return channels // PACK**2 if self.family is FLUX else channels

    @property
    def packed_tokens(self) -> int | None:
        """Image tokens of FLUX, whose schedule depends on them; None for other families."""
        side = self.image_size // (self.vae_scale_factor * PACK)
        return side**2 if self.family is FLUX else None
