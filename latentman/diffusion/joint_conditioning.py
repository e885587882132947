"""What steers the figure of a transformer (MMDiT): its ControlNets, which read pictures that the VAE has encoded.

The pipelines of ``diffusers`` draw a sample of what the VAE encodes; its mean is taken here, so that the frames of a
clip do not differ by chance. The encoded picture and the ControlNet's stem do not depend on t, and are computed once
per frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentman.config import ConditionerConfig
from latentman.diffusion.attention import repeat_for_groups
from latentman.diffusion.control_pictures import stacked
from latentman.diffusion.text import Text
from latentman.diffusion.velocity import call_transformer, pack
from latentman.networks.backbone import Backbone
from latentman.networks.families import FLUX, is_flux


@dataclass(frozen=True)
class JointControlNets:
    """One or several ControlNets of a transformer, whose residuals are summed.

    ``features``: of each, the stem's output (T, tokens, C). ``guidance`` is the scale that a ControlNet reads which was
    distilled for it.
    """

    networks: tuple[Any, ...]
    features: tuple[Tensor, ...]
    scales: tuple[float, ...]
    grid: tuple[int, int]
    guidance: float

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.features[0])

    def residuals(self, noisy: Tensor, timestep: Tensor, text: Text, frames: slice) -> dict[str, Any]:
        """Return the sum of what the networks add to the transformer's blocks, and to its single-stream blocks."""
        total: list[list[Tensor] | None] = [None, None]
        for network, features, scale in zip(self.networks, self.features, self.scales, strict=True):
            added = call_transformer(
                network,
                noisy,
                timestep,
                _read_by(network, text.for_control().arguments(len(noisy) // text.groups)),
                self.guidance,
                controlnet_cond=repeat_for_groups(features[frames], text.groups),
                conditioning_scale=scale,
            )
            for kind, more in enumerate(added):
                total[kind] = _sum(total[kind], more)
        names: tuple[str, ...] = ("block_controlnet_hidden_states",)
        if is_flux(self.networks[0].config):
            names = ("controlnet_block_samples", "controlnet_single_block_samples")
        return dict(zip(names, total, strict=False))


def _read_by(network: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what a ControlNet reads of the text: of Stable Diffusion 3's, some read no pooled text, or no text."""
    config = network.config
    if getattr(config, "force_zeros_for_pooled_projection", False):
        arguments["pooled_projections"] = torch.zeros_like(arguments["pooled_projections"])
    if config.joint_attention_dim is None:
        arguments["encoder_hidden_states"] = None
    return arguments


def _sum(total: list[Tensor] | None, more: Any) -> list[Tensor] | None:
    """Return the sum of two lists of residuals, either of which may be missing."""
    if more is None or total is None:
        return total if more is None else list(more)
    return [a + b for a, b in zip(total, more, strict=True)]


def build_joint_control(
    backbone: Backbone,
    cfg: ConditionerConfig,
    taken: list[Iterator[Tensor]],
    *,
    num_frames: int,
    grid: tuple[int, int],
    guidance_scale: float,
) -> JointControlNets:
    """Return the control that pictures give, one iterator (1, 3, H, W) in 0 to 1 for each ControlNet."""
    features = tuple(
        stacked((stem(_encoded(backbone, network, picture)) for picture in frames), num_frames)
        for network, stem, frames in zip(backbone.controlnets, backbone.control_embeddings, taken, strict=True)
    )
    scales = tuple(cfg.scale * net.scale for net in cfg.nets)
    return JointControlNets(backbone.controlnets, features, scales, grid, guidance_scale)


def _encoded(backbone: Backbone, network: Any, picture: Tensor) -> Tensor:
    """Return the latents of a picture (1, 3, H, W) as a ControlNet reads them: packed for FLUX."""
    vae = backbone.vae
    latents = vae.encode((2 * picture - 1).to(vae.dtype)).latent_dist.mode()
    # Some ControlNets of Stable Diffusion 3 were trained without the shift.
    shift = 0 if getattr(network.config, "force_zeros_for_pooled_projection", False) else vae.config.shift_factor or 0
    latents = ((latents - shift) * vae.config.scaling_factor).to(backbone.dtype)
    return pack(latents) if backbone.family is FLUX else latents
