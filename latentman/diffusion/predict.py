"""One prediction of the noise of every frame, in chunks of frames: ControlNet and UNet under the anchor's attention.

The chunk that holds frame 0 goes first and leaves its keys and values to the others, so that the size of the chunks
changes nothing but memory. When the device's memory is full, :func:`in_chunks_that_fit` halves them, with a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import repeat_for_groups
from latentman.diffusion.conditioning import Control
from latentman.diffusion.text import Text
from latentman.diffusion.token_method import TokenMethod, in_order
from latentman.diffusion.velocity import predict_velocity
from latentman.errors import DeviceMemoryError
from latentman.networks.backbone import Backbone
from latentman.system.device import is_memory_full

logger = logging.getLogger("latentman.diffusion")

T = TypeVar("T")


@dataclass(frozen=True)
class Prediction:
    """The networks with all that they read besides the latents.

    ``follows``: the frames read their anchor. ``tokens``: a method that acts on their tokens, in the steps in which it
    ``acts``. ``guidance_input``: the guidance's scale, where the UNet reads it.
    """

    backbone: Backbone
    text: Text
    control: Control
    anchor: Anchor
    guidance_scale: float
    chunk_size: int
    follows: bool = True
    tokens: TokenMethod | None = None
    acts: bool = False
    guidance_input: float | None = None

    def at(self, step: int) -> Prediction:
        """Return the prediction at a step: whether frames read each other depends on it."""
        acts = self.tokens is not None and step in self.tokens.steps
        return replace(self, follows=step in self.anchor.rule.steps, acts=acts)

    def alone(self) -> Prediction:
        """Return the prediction of frames that do not read their anchor."""
        return replace(self, follows=False, acts=False)

    def __call__(self, latents: Tensor, timestep: float) -> Tensor:
        """Return the guided noise of every frame, (T, C, h, w) in fp32."""
        noise = torch.empty_like(latents, dtype=torch.float32)
        for frames in self.chunks(len(latents)):
            noise[frames] = self._chunk(latents, timestep, frames)
        return noise

    def _chunk(self, latents: Tensor, timestep: float, frames: slice) -> Tensor:
        with self.passing(frames, self.text):
            noise = self.noise(latents[frames], timestep, self.text, frames)
        return guided(noise, self.text.groups, self.guidance_scale)

    def noise(
        self, latents: Tensor, timestep: float, text: Text, frames: slice, *, control_gradient: bool = True
    ) -> Tensor:
        """Return the noise of one chunk in every guidance group, (groups * F, C, h, w) in fp32.

        Of a transformer it is the velocity.
        """
        noisy = repeat_for_groups(latents.to(self.backbone.dtype), text.groups)
        # A number would be a constant of compiled networks, and every step would compile them again.
        # It is filled in on the device: torch.tensor would copy it there.
        t = torch.full((), timestep, device=latents.device)
        with torch.set_grad_enabled(torch.is_grad_enabled() and control_gradient):
            residuals = self.control.residuals(noisy, t, text, frames)
        if self.backbone.family.is_joint:
            velocity = predict_velocity(
                self.backbone.unet, noisy, t, text.arguments(len(latents)), self.guidance_scale, **residuals
            )
            return velocity.float()
        arguments = text.arguments(len(latents)) | self._guidance_argument(noisy)
        (noise,) = self.backbone.unet(noisy, t, return_dict=False, **arguments, **residuals)
        return noise.float()

    def _guidance_argument(self, noisy: Tensor) -> dict[str, Tensor]:
        """Return the argument of a UNet that reads the guidance's scale; none for others."""
        if self.guidance_input is None:
            return {}
        from diffusers.models.embeddings import get_timestep_embedding

        # Latent consistency models, section 4.2; the scale as they define it is one less.
        scale = torch.full((1,), 1000 * (self.guidance_input - 1), device=noisy.device)
        width = self.backbone.unet.config.time_cond_proj_dim
        return {"timestep_cond": get_timestep_embedding(scale, width).to(noisy.dtype).expand(len(noisy), -1)}

    def chunks(self, frames: int, size: int | None = None) -> Iterator[slice]:
        """Return the frames of each chunk, frame 0 in the first. Where every frame reads all others, there is one."""
        size = frames if self.reads_all else size or self.chunk_size
        if self.tokens is not None and self.acts:
            return self.tokens.passes(frames, size)
        return in_order(frames, size)

    @property
    def reads_all(self) -> bool:
        """Whether every frame reads all others, so that they cannot be taken in chunks."""
        return self.anchor.rule.anchor == "all" and self.follows

    def together(self, frames: int) -> int:
        """Return the fewest frames that must go through the networks at once."""
        if self.tokens is None or not self.acts:
            return 1
        return max(len(range(frames)[part]) for part in self.tokens.passes(frames, 1))

    def passing(self, frames: slice, text: Text) -> AbstractContextManager[None]:
        """Return the context of one pass of a chunk through the networks."""
        mode = ("lead" if frames.start == 0 else "follow") if self.follows else "off"
        self.anchor.text_tokens = text.embeds.shape[1]
        return self.anchor.passing(mode, text.groups, frames, self.tokens if self.acts else None)

    def modules(self) -> list[Any]:
        """Return the networks that a prediction runs through."""
        return [self.backbone.unet, *self.backbone.controlnets]


def guided(noise: Tensor, groups: int, guidance_scale: float) -> Tensor:
    """Combine [unconditional, conditional] predictions (groups * F, C, h, w) into (F, C, h, w)."""
    if groups == 1:
        return noise
    uncond, cond = noise.chunk(2)
    return uncond + guidance_scale * (cond - uncond)


def in_chunks_that_fit(networks: Prediction, frames: int, work: Callable[[Prediction], T]) -> tuple[T, Prediction]:
    """Do work with networks, again in chunks of half the size whenever the device's memory is full.

    Args:
        networks: what the work predicts with.
        frames: the number of frames that it predicts.
        work: called with the networks, perhaps several times.

    Returns:
        What the work returned, and the networks with the chunk size that fits.

    Raises:
        DeviceMemoryError: if not even one frame fits.
    """
    while True:
        try:
            return work(networks), networks
        except (RuntimeError, MemoryError) as error:
            if not is_memory_full(error):
                raise
            networks = replace(networks, chunk_size=smaller_chunk(networks, frames, error))
        # Only here, outside the handler, has the traceback let go of what filled the memory.
        if networks.backbone.device.type == "cuda":
            torch.cuda.empty_cache()


def smaller_chunk(networks: Prediction, frames: int, error: BaseException) -> int:
    """Return half the size of a chunk that did not fit, and warn.

    Raises:
        DeviceMemoryError: if there is nothing left to halve.
    """
    if networks.reads_all:
        raise DeviceMemoryError(
            f"the device's memory does not hold {frames} frames at once, as sampler.anchor=all needs them; "
            "use fewer frames or another anchor"
        ) from error
    present = min(networks.chunk_size, frames)
    together = networks.together(frames)
    if present <= together > 1:
        raise DeviceMemoryError(
            f"the device's memory does not hold {together} frames at once, as this method takes them together; use a "
            "larger tokenflow.spacing or generative_rendering.spacing, a smaller vidtome.span, or fewer frames"
        ) from error
    if present == 1:
        raise DeviceMemoryError(
            "the device's memory does not hold one frame's prediction; use setup.dtype=float16, setup.offload=true "
            "or a smaller setup.image_size"
        ) from error
    logger.warning(
        "%d frames at once do not fit into the device's memory: continuing with %d (sampler.chunk_size)",
        present, present // 2,
    )  # fmt: skip
    return present // 2
