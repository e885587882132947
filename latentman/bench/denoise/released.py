"""The loop as the released code runs it, rewritten by us: the reference of ``latentman bench denoise``.

The mathematics is that of the package with ``pwg.gradient=official_uncond``; a test holds them together. What differs
is how it is computed: every frame computes keys and values of its own, of which the anchor's are then repeated for all;
the matrix of attention weights is made; all frames go through the networks at once; the ControlNet's stem runs at every
step; a guided step keeps one graph of the UNet, in both halves of the guidance, and of the VAE over all frames. The
latents have the precision of the networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss

from latentman.bench.denoise.model import Subject
from latentman.diffusion.attention import repeat_for_groups
from latentman.diffusion.denoise import Plan
from latentman.diffusion.predict import guided
from latentman.diffusion.pwg import PIXEL_SCALE
from latentman.diffusion.schedule import Schedule
from latentman.diffusion.sla import spatial_latent_alignment
from latentman.types import Correspondence

_GROUPS = 2


class ReleasedAttention:
    """Self-attention over the first frame's keys and values, cross-attention over the text's, both by two products."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Return the layer's output for ``hidden_states`` (2 frames, tokens, channels)."""
        read = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = attn.to_q(hidden_states), attn.to_k(read), attn.to_v(read)
        if encoder_hidden_states is None:
            key, value = (self._first_for_all(x) for x in (key, value))
        query, key, value = (self._heads(x, attn.heads) for x in (query, key, value))
        weights = torch.softmax(torch.bmm(query, key.transpose(1, 2)) * attn.scale, dim=-1)
        out = torch.bmm(weights, value).unflatten(0, (-1, attn.heads)).transpose(1, 2).flatten(2)
        result: Tensor = attn.to_out[1](attn.to_out[0](out))
        return result

    @staticmethod
    def _first_for_all(x: Tensor) -> Tensor:
        """Repeat the features of the first frame of each guidance group, detached, for every frame of the group."""
        grouped = x.detach().unflatten(0, (_GROUPS, -1))
        return grouped[:, [0] * grouped.shape[1]].flatten(0, 1)

    @staticmethod
    def _heads(x: Tensor, heads: int) -> Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2).flatten(0, 1).contiguous()


@dataclass(frozen=True)
class Released:
    """The loop over a subject; its networks must be under :func:`released_networks`."""

    subject: Subject
    schedule: Schedule
    plan: Plan

    def step(self, step: int, latents: Tensor) -> Tensor:
        """Return x_{t-1} of every frame from x_t, both (T, C, h, w) in the networks' precision."""
        if step in self.plan.sla_steps:
            latents = spatial_latent_alignment(latents, self.subject.clip.latent_map)
        if step not in self.plan.guidance.steps:
            with torch.no_grad():
                noise = self._noise(torch.cat([latents] * _GROUPS), step)
                return self.schedule.step_back(noise, step, latents).x_before
        before, gradient = self.guided_step(step, latents)
        return before - self.plan.guidance.delta * gradient

    def guided_step(self, step: int, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return x_{t-1} before it is guided, and the gradient that guides it, both (T, C, h, w)."""
        with torch.enable_grad():
            doubled = torch.cat([latents] * _GROUPS).requires_grad_()
            before, x0, _ = self.schedule.step_back(self._noise(doubled, step), step, latents)
            pictures = self._pictures(x0)
            loss = batch_loss(pictures, self.subject.clip.guidance_map, range(len(latents)))
            (gradient,) = torch.autograd.grad(loss, doubled)
        return before.detach(), gradient.chunk(_GROUPS)[0]

    def video(self) -> Tensor:
        """Return the finished frames (T, 3, H, W), 0 to 1."""
        backbone = self.subject.backbone
        latents = (self.subject.clip.noise * backbone.scheduler.init_noise_sigma).to(backbone.device, backbone.dtype)
        for step in range(self.plan.num_steps):
            latents = self.step(step, latents)
        return self.decoded(latents)

    @torch.no_grad()
    def decoded(self, latents: Tensor) -> Tensor:
        """Return the pictures of latents (T, C, h, w), all at once."""
        return self._pictures(latents)

    def _pictures(self, latents: Tensor) -> Tensor:
        vae = self.subject.backbone.vae
        decoded: Tensor = vae.decode(latents / vae.config.scaling_factor).sample
        return (decoded / 2 + 0.5).clamp(0, 1)

    def _noise(self, doubled: Tensor, step: int) -> Tensor:
        subject, timestep = self.subject, self.schedule.timesteps[step]
        backbone = subject.backbone
        words = subject.clip.text.arguments(subject.frames)
        with torch.no_grad():
            down, mid = backbone.controlnets[0](
                doubled,
                timestep,
                controlnet_cond=backbone.control_embeddings[0](repeat_for_groups(subject.pictures, _GROUPS)),
                return_dict=False,
                **words,
            )
        (noise,) = backbone.unet(
            doubled,
            timestep,
            down_block_additional_residuals=down,
            mid_block_additional_residual=mid,
            return_dict=False,
            **words,
        )
        return guided(noise, _GROUPS, subject.guidance_scale)


def batch_loss(pictures: Tensor, matches: Correspondence, frames: range, before: Tensor | None = None) -> Tensor:
    """Return the sum over frames of the loss of the released code, each pulled towards the frame before, detached.

    Args:
        pictures: (F, 3, H, W) of these frames, 0 to 1.
        matches: the map M, whose reference is the frame before.
        frames: which frames of the clip they are.
        before: (3, H, W), the picture before the first of them, where there is one.
    """
    small = interpolate(pictures * PIXEL_SCALE, (matches.size, matches.size), mode="nearest")
    last = None if before is None else interpolate(before[None] * PIXEL_SCALE, small.shape[-2:], mode="nearest")[0]
    total = small.new_zeros(())
    for own, frame in zip(small, frames, strict=True):
        target, source = (torch.from_numpy(x.T.astype("int64")).to(own.device) for x in matches.pairs[frame])
        if last is not None and target.shape[1]:
            total = total + mse_loss(own[:, target[0], target[1]], last[:, source[0], source[1]])
        last = own.detach()
    return total


@contextmanager
def released_networks(subject: Subject) -> Iterator[None]:
    """Give the networks the released code's attention and torch's default layout, and restore ours at the end."""
    backbone = subject.backbone
    attentive = [backbone.unet, *backbone.controlnets]
    before = [dict(network.attn_processors) for network in attentive]
    everything = [*attentive, *backbone.control_embeddings, backbone.vae]
    try:
        for network in attentive:
            network.set_attn_processor(ReleasedAttention())
        for network in everything:
            network.to(memory_format=torch.contiguous_format)
        yield
    finally:
        for network, processors in zip(attentive, before, strict=True):
            network.set_attn_processor(processors)
        for network in everything:
            network.to(memory_format=torch.channels_last)
