"""The tiny decoder of Pixel-Wise Guidance: an AutoencoderTiny for the latents of a model, checked against its VAE.

A tiny autoencoder reads latents as the UNet does, already scaled. One that was made for another model's latents has the
same shapes, so only decoding shows the difference: a test picture goes through the VAE's encoder, and both decoders
must agree on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from latentman.errors import WeightsError
from latentman.networks.architecture import Architecture
from latentman.networks.sources import Source, attempt, load_network

if TYPE_CHECKING:
    from latentman.networks.resolved import ResolvedSetup

MIN_PSNR = 14.0
"""Decibels by which the decoders must agree. Decoders of two latent spaces agree by 5 to 10, of one by 20 and more."""

_SIDE = 64
"""Pixels along each side of the test picture."""

_ADVICE = "name the tiny decoder of this model in setup.tiny_decoder, or use pwg.decoder=full"


def load_tiny_decoder(found: ResolvedSetup, vae: Any, dtype: torch.dtype) -> Any:
    """Load the tiny decoder of a setup, without its encoder, and compare it with the VAE; None where none is named.

    Args:
        found: the setup.
        vae: its VAE, on the CPU.
        dtype: of the tiny decoder.

    Raises:
        WeightsError: if it cannot be fetched or read, or decodes another model's latents.
    """
    from diffusers import AutoencoderTiny

    source = found.tiny_decoder
    if source is None:
        return None
    check_latent_space(source, found.architecture)
    tiny = load_network("tiny decoder", AutoencoderTiny, source, "tiny_decoder", dtype)
    tiny.encoder = nn.Identity()
    _check_agreement(tiny, vae, source)
    return tiny


def check_latent_space(source: Source, architecture: Architecture) -> None:
    """Compare channels and scale of a tiny decoder with the VAE's, by their configurations.

    Raises:
        WeightsError: if the configuration cannot be read, or naming the two numbers that should be the same.
    """
    from diffusers import AutoencoderTiny

    config = attempt("tiny decoder", AutoencoderTiny.load_config, source)
    halvings = len(config.get("decoder_block_out_channels", (0,) * 4)) - 1
    for what, theirs, ours in (
        ("channels", config.get("latent_channels", 4), architecture.vae.get("latent_channels", 4)),
        ("pixels a cell", config.get("upsampling_scaling_factor", 2) ** halvings, architecture.vae_factor),
    ):
        if theirs != ours:
            raise WeightsError(
                f"{source.key}: the tiny decoder in {source.location} is of another latent space: its latents have "
                f"{theirs} {what}, the model's {ours}; {_ADVICE}"
            )


def _check_agreement(tiny: Any, vae: Any, source: Source) -> None:
    """Refuse a tiny decoder that shows something else than the VAE."""
    found = agreement(tiny, vae)
    if not found >= MIN_PSNR:
        raise WeightsError(
            f"{source.key}: the tiny decoder in {source.location} was made for other latents than setup.model's: "
            f"it decodes a test picture {found:.1f} dB from the VAE, and at least {MIN_PSNR:g} dB are needed; {_ADVICE}"
        )


@torch.no_grad()
def agreement(tiny: Any, vae: Any) -> float:
    """Return the PSNR in dB between a test picture from the VAE's latents by the tiny decoder and by the VAE's own."""
    picture = (2 * _test_picture() - 1)[None].to(vae.dtype)
    latents = vae.encode(picture).latent_dist.mode()
    ours = vae.decode(latents).sample.float()
    scaled = (latents - (vae.config.shift_factor or 0)) * vae.config.scaling_factor
    theirs = tiny.decode(scaled.to(tiny.dtype)).sample.float()
    error = (theirs.clamp(-1, 1) - ours.clamp(-1, 1)) / 2
    return float(-10 * torch.log10(error.pow(2).mean().clamp_min(1e-10)))


def _test_picture() -> Tensor:
    """Return a picture (3, 64, 64) in 0 to 1: discs of strong colours on a gradient."""
    across = torch.linspace(0, 1, _SIDE)
    row, col = torch.meshgrid(across, across, indexing="ij")
    picture = torch.stack([row, col, 1 - row])
    for down, right, colour in ((0.3, 0.3, (0.9, 0.1, 0.1)), (0.3, 0.7, (0.1, 0.8, 0.2)), (0.7, 0.5, (0.1, 0.1, 0.8))):
        disc = (row - down) ** 2 + (col - right) ** 2 < 0.18**2
        picture = torch.where(disc, torch.tensor(colour)[:, None, None], picture)
    return picture
