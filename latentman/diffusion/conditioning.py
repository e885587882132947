"""What steers the figure: pictures of the render, read by ControlNets or a T2I-Adapter.

What does not depend on t is computed once per frame: the ControlNet's stem, and a T2I-Adapter as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from latentman.config import ConditionerConfig
from latentman.diffusion.attention import repeat_for_groups
from latentman.diffusion.control_pictures import picture_tensors, stacked
from latentman.diffusion.joint_conditioning import build_joint_control
from latentman.diffusion.text import Text
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
    backbone: Backbone,
    cfg: ConditionerConfig,
    pictures: Mapping[str, Array],
    *,
    num_frames: int,
    grid: tuple[int, int],
    guidance_scale: float = 1.0,
) -> Control:
    """Return the control that these pictures give.

    Args:
        backbone: the networks; its ``controlnets`` are in the order of ``cfg.nets``.
        cfg: the group ``conditioner``.
        pictures: of every kind that ``cfg.nets`` names, (T, H, W, 3) float32 in 0 to 1.
        num_frames: T.
        grid: (h, w) of the latents.
        guidance_scale: of the setup, which ControlNets read that were distilled for it.

    Raises:
        ShapeError: if a picture's size is not a multiple of the latent cell.
    """
    if cfg.name == "none":
        return NoControl(num_frames, grid)
    taken = [picture_tensors(backbone, pictures[net.kind]) for net in cfg.nets]
    if backbone.family.is_joint:
        return build_joint_control(
            backbone, cfg, taken, num_frames=num_frames, grid=grid, guidance_scale=guidance_scale
        )
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
            stacked((stem(picture) for picture in frames), num_frames)
            for stem, frames in zip(backbone.control_embeddings, taken, strict=True)
        ),
        scales=tuple(cfg.scale * net.scale for net in cfg.nets),
    )
