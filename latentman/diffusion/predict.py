"""One prediction of the noise of every frame, in chunks of frames: ControlNet and UNet under the anchor's attention.

The chunk that holds frame 0 goes first and leaves its keys and values to the others, so that chunks change nothing but
memory. When the device's memory is full, chunks are halved, with a word about it, and the prediction starts again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentman.diffusion.attention import Anchor, repeat_for_groups
from latentman.diffusion.conditioning import Control
from latentman.diffusion.text import Text
from latentman.errors import DeviceMemoryError
from latentman.networks.backbone import Backbone

logger = logging.getLogger("latentman.diffusion")


@dataclass
class Prediction:
    """The networks of a run with all that stays the same from step to step; only ``chunk_size`` may shrink."""

    backbone: Backbone
    text: Text
    control: Control
    anchor: Anchor
    guidance_scale: float
    chunk_size: int
    follows: bool = True
    """Whether the anchor is read at the present step."""

    def chunks(self, frames: int, size: int | None = None) -> Iterator[slice]:
        """Return the frames of each chunk, first to last. Where all frames read all, there is one chunk."""
        size = size or self.chunk_size
        if self.anchor.rule.anchor == "all" and self.follows:
            size = frames
        return (slice(start, min(start + size, frames)) for start in range(0, frames, size))

    def passing(self, frames: slice, text: Text) -> AbstractContextManager[None]:
        """Return the context of a pass of a chunk through the networks."""
        mode = ("lead" if frames.start == 0 else "follow") if self.follows else "off"
        return self.anchor.passing(mode, text.groups, frames)

    def modules(self) -> list[Any]:
        """Return the networks that a prediction runs through."""
        return [self.backbone.unet, *self.backbone.controlnets]

    def noise(
        self, latents: Tensor, timestep: int, text: Text, frames: slice, *, control_gradient: bool = True
    ) -> Tensor:
        """Return the noise of one chunk in every guidance group, (groups * F, C, h, w) in fp32."""
        noisy = repeat_for_groups(latents.to(self.backbone.dtype), text.groups)
        # As a number it would be a constant of compiled networks, and each step would compile them anew.
        t = torch.tensor(timestep, device=latents.device)
        with torch.set_grad_enabled(torch.is_grad_enabled() and control_gradient):
            residuals = self.control.residuals(noisy, t, text, frames)
        arguments = text.arguments(len(latents))
        (noise,) = self.backbone.unet(noisy, t, return_dict=False, **arguments, **residuals)
        return noise.float()

    def __call__(self, latents: Tensor, timestep: int) -> Tensor:
        """Return the guided noise of every frame, (T, C, h, w) in fp32.

        Raises:
            DeviceMemoryError: if the device's memory does not hold even one frame.
        """
        while True:
            try:
                return torch.cat([self._chunk(latents, timestep, frames) for frames in self.chunks(len(latents))])
            except torch.OutOfMemoryError as error:
                self.chunk_size = smaller_chunk(self, len(latents), error)
                if latents.is_cuda:
                    torch.cuda.empty_cache()

    def _chunk(self, latents: Tensor, timestep: int, frames: slice) -> Tensor:
        with self.passing(frames, self.text):
            noise = self.noise(latents[frames], timestep, self.text, frames)
        return guided(noise, self.text.groups, self.guidance_scale)


def smaller_chunk(prediction: Prediction, frames: int, error: torch.OutOfMemoryError) -> int:
    """Return the half of a chunk that did not fit, and say so.

    Raises:
        DeviceMemoryError: if there is nothing left to halve.
    """
    if prediction.anchor.rule.anchor == "all" and prediction.follows:
        raise DeviceMemoryError(
            f"the device's memory does not hold {frames} frames at once, as sampler.anchor=all needs them; "
            "use fewer frames or another anchor"
        ) from error
    present = min(prediction.chunk_size, frames)
    if present == 1:
        raise DeviceMemoryError(
            "the device's memory does not hold one frame's prediction; use setup.dtype=float16, setup.offload=true "
            "or a smaller setup.image_size"
        ) from error
    logger.warning(
        "%d frames at once do not fit into the device's memory: going on with %d (sampler.chunk_size)",
        present, present // 2,
    )  # fmt: skip
    return present // 2


def guided(noise: Tensor, groups: int, guidance_scale: float) -> Tensor:
    """Combine [unconditional, conditional] predictions (groups * F, C, h, w) into (F, C, h, w)."""
    if groups == 1:
        return noise
    uncond, cond = noise.chunk(2)
    return uncond + guidance_scale * (cond - uncond)
