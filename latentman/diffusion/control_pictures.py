"""Pictures of the render as tensors, one frame at a time, on the device of the networks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from latentman.errors import ShapeError
from latentman.networks.backbone import Backbone
from latentman.types import Array


def stacked(frames: Iterator[Tensor], count: int) -> Tensor:
    """Return ``count`` tensors (1, ...) as one (T, ...) of their memory layout, each copied as it is computed."""
    first = next(frames)
    channels_last = not first.is_contiguous() and first.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    out = torch.empty((count, *first.shape[1:]), dtype=first.dtype, device=first.device, memory_format=layout)
    out[0] = first[0]
    for index, frame in enumerate(frames, start=1):
        out[index] = frame[0]
    return out


def picture_tensors(backbone: Backbone, frames: Array) -> Iterator[Tensor]:
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
