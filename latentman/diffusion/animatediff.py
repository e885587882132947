"""AnimateDiff (arXiv 2307.04725) with the rendered pictures through its ControlNets, by the pipeline of ``diffusers``.

A trained model as a baseline: Algorithm 1, the anchors and the map M have no part in it. What it shares with the other
samplers are the weights of the setup, the texts, the pictures of the render, and everything after the latents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from latentman.diffusion.denoise import check_finite
from latentman.diffusion.text import Text
from latentman.networks.backbone import Backbone
from latentman.types import Array

SCHEDULER = {"beta_schedule": "linear", "timestep_spacing": "linspace", "steps_offset": 1, "clip_sample": False}
"""DDIM as the published adapters were trained and are sampled, which is not as Stable Diffusion was."""


@dataclass(frozen=True)
class Animation:
    """What a clip is made from.

    ``pictures``: (T, H, W, 3) float32 in 0 to 1, for each ControlNet, with their ``scales``. ``noise`` is x_T
    (T, C, h, w), standard normal; the adapters were trained with independent noise.
    """

    text: Text
    pictures: tuple[Array, ...]
    scales: tuple[float, ...]
    noise: Tensor


@torch.no_grad()
def animate(
    backbone: Backbone,
    adapter: Any,
    animation: Animation,
    *,
    num_steps: int,
    guidance_scale: float,
    on_step: Callable[[int], None] | None = None,
) -> Tensor:
    """Return the clean latents of all frames, (T, C, h, w) in fp32.

    Args:
        backbone: the networks of the setup; they are not changed.
        adapter: a ``MotionAdapter`` that fits the UNet.
        animation: what the clip is made from.
        num_steps: T of the schedule.
        guidance_scale: weight of classifier-free guidance.
        on_step: called after every step with its number, from 1.

    Raises:
        NumericsError: if the latents are not finite.
    """
    from diffusers import AnimateDiffControlNetPipeline, DDIMScheduler, UNetMotionModel

    unet = UNetMotionModel.from_unet2d(backbone.unet, adapter).eval()
    nn.Module.to(unet, backbone.device, backbone.dtype)  # its own to() warns of a precision that it does not need
    embeds = animation.text.embeds

    def report(pipeline: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        if on_step is not None:
            on_step(step + 1)
        return values

    with _with_stems(backbone):
        pipeline = AnimateDiffControlNetPipeline(
            vae=backbone.vae,
            text_encoder=backbone.text_encoder,
            tokenizer=backbone.tokenizer,
            unet=unet,
            motion_adapter=adapter,
            controlnet=backbone.controlnets[0] if len(backbone.controlnets) == 1 else list(backbone.controlnets),
            scheduler=DDIMScheduler.from_config(backbone.scheduler.config, **SCHEDULER),
        )
        pipeline.set_progress_bar_config(disable=True)
        pictures = [_tensors(frames) for frames in animation.pictures]
        several = len(pictures) > 1
        made = pipeline(
            num_frames=len(animation.noise),
            height=pictures[0][0].shape[1],
            width=pictures[0][0].shape[2],
            num_inference_steps=num_steps,
            guidance_scale=guidance_scale,
            prompt_embeds=embeds[-1:],
            negative_prompt_embeds=embeds[:1] if len(embeds) > 1 else None,
            latents=animation.noise.transpose(0, 1)[None].to(backbone.device, backbone.dtype),
            conditioning_frames=pictures if several else pictures[0],
            controlnet_conditioning_scale=list(animation.scales) if several else animation.scales[0],
            output_type="latent",
            callback_on_step_end=report,
        ).frames
    latents: Tensor = made[0].transpose(0, 1).float()
    check_finite(latents, num_steps - 1)
    return latents


def _tensors(frames: Array) -> list[Tensor]:
    return [torch.from_numpy(frame.transpose(2, 0, 1).copy()) for frame in frames]


@contextmanager
def _with_stems(backbone: Backbone) -> Iterator[None]:
    """Give the ControlNets back the stems that the loader took out of them, for as long as a pipeline runs them."""
    for network, stem in zip(backbone.controlnets, backbone.control_embeddings, strict=True):
        network.controlnet_cond_embedding = stem
    try:
        yield
    finally:
        for network in backbone.controlnets:
            network.controlnet_cond_embedding = nn.Identity()
