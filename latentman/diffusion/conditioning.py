"""What steers the figure: pictures of the render, read by ControlNets or a T2I-Adapter.

What does not depend on t is computed once per frame: the ControlNet's stem, and a T2I-Adapter as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from latentman.config import ConditionerConfig
from latentman.diffusion.attention import repeat_for_groups
from latentman.diffusion.text import Text
from latentman.errors import ShapeError
from latentman.networks.backbone import Backbone
from latentman.types import Array


class Control(Protocol):
    """Steers the UNet's prediction for some of the frames."""

    @property
    def num_frames(self) -> int:
        """T."""
        ...

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the latents."""
        ...

    def residuals(self, noisy: Tensor, timestep: Tensor, text: Text, frames: slice) -> dict[str, Any]:
        """Return keyword arguments of the UNet for a batch (groups * frames, C, h, w)."""
        ...


@dataclass(frozen=True)
class ControlNets:
    """One or several ControlNets, whose residuals are summed.

    ``networks``: without their stems. ``features``: of each, the stem's output (T, channels, h, w).
    """

    networks: tuple[Any, ...]
    features: tuple[Tensor, ...]
    scales: tuple[float, ...]

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.features[0])

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the latents."""
        return self.features[0].shape[2], self.features[0].shape[3]

    def residuals(self, noisy: Tensor, timestep: Tensor, text: Text, frames: slice) -> dict[str, Any]:
        """Return the sum of what the networks add to the UNet's skip connections and its middle."""
        down: list[Tensor] | None = None
        mid: Any = None
        arguments = text.for_control().arguments(len(noisy) // text.groups)
        for network, features, scale in zip(self.networks, self.features, self.scales, strict=True):
            more, middle = network(
                noisy,
                timestep,
                controlnet_cond=repeat_for_groups(features[frames], text.groups),
                conditioning_scale=scale,
                return_dict=False,
                **arguments,
            )
            down = list(more) if down is None else [a + b for a, b in zip(down, more, strict=True)]
            mid = middle if mid is None else mid + middle
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}


@dataclass(frozen=True)
class AdapterFeatures:
    """A T2I-Adapter's features, scaled: of each resolution (T, C, h', w')."""

    features: tuple[Tensor, ...]
    grid: tuple[int, int]

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.features[0])

    def residuals(self, noisy: Tensor, timestep: Tensor, text: Text, frames: slice) -> dict[str, Any]:
        """Return the features of these frames; they do not depend on t or the latents."""
        # The UNet consumes the list, so it gets its own copy.
        added = [repeat_for_groups(x[frames], text.groups) for x in self.features]
        return {"down_intrablock_additional_residuals": added}


@dataclass(frozen=True)
class NoControl:
    """Nothing steers the figure."""

    num_frames: int
    grid: tuple[int, int]

    def residuals(self, noisy: Tensor, timestep: Tensor, text: Text, frames: slice) -> dict[str, Any]:
        """Return nothing."""
        return {}


@torch.no_grad()
def build_control(
    backbone: Backbone, cfg: ConditionerConfig, pictures: Mapping[str, Array], *, num_frames: int, grid: tuple[int, int]
) -> Control:
    """Return the control that these pictures give.

    Args:
        backbone: the networks; its ``controlnets`` are in the order of ``cfg.nets``.
        cfg: the group ``conditioner``.
        pictures: of every kind that ``cfg.nets`` names, (T, H, W, 3) float32 in 0 to 1.
        num_frames: T.
        grid: (h, w) of the latents.

    Raises:
        ShapeError: if a picture's size is not a multiple of the latent cell.
    """
    if cfg.name == "none":
        return NoControl(num_frames, grid)
    taken = [_tensors(backbone, pictures[net.kind]) for net in cfg.nets]
    if cfg.name == "t2i_adapter":
        scale = cfg.scale * cfg.nets[0].scale
        # Adapters for edges and sketches take grey pictures.
        grey = backbone.adapter.config.in_channels == 1
        per_frame = [backbone.adapter(picture.mean(1, keepdim=True) if grey else picture) for picture in taken[0]]
        backbone.part_is_over("control")
        return AdapterFeatures(tuple(torch.cat(level) * scale for level in zip(*per_frame, strict=True)), grid)
    return ControlNets(
        networks=backbone.controlnets,
        features=tuple(
            _stacked((stem(picture) for picture in frames), num_frames)
            for stem, frames in zip(backbone.control_embeddings, taken, strict=True)
        ),
        scales=tuple(cfg.scale * net.scale for net in cfg.nets),
    )


def _stacked(frames: Iterator[Tensor], count: int) -> Tensor:
    """Return ``count`` tensors (1, ...) as one (T, ...) of their memory layout, each copied as it is computed."""
    first = next(frames)
    channels_last = not first.is_contiguous() and first.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    out = torch.empty((count, *first.shape[1:]), dtype=first.dtype, device=first.device, memory_format=layout)
    out[0] = first[0]
    for index, frame in enumerate(frames, start=1):
        out[index] = frame[0]
    return out


def _tensors(backbone: Backbone, frames: Array) -> Iterator[Tensor]:
    """Return the pictures (T, H, W, 3) one by one as (1, 3, H, W) on the device of the networks.

    Raises:
        ShapeError: at once, if their size is not a multiple of the latent cell.
    """
    factor = backbone.vae_scale_factor
    if frames.shape[1] % factor or frames.shape[2] % factor:
        raise ShapeError(
            f"control pictures of {frames.shape[1]}x{frames.shape[2]} do not divide into latent cells of {factor} "
            "pixels; change setup.image_size"
        )
    return (
        torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)))[None].to(backbone.device, backbone.dtype)
        for frame in frames
    )
