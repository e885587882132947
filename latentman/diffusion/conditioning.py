"""The depth picture, as the ControlNet takes it in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latentman.diffusion.backbone import Backbone
from latentman.errors import ShapeError
from latentman.types import Array


@torch.no_grad()
def embed_condition(backbone: Backbone, disparity: Array) -> Tensor:
    """Return the ControlNet stem's features of every frame's depth picture.

    The stem does not see t, the text or the latents, so its output serves every step and both halves of the guidance.

    Args:
        backbone: the networks.
        disparity: (T, H, W) in 0 to 1, near is bright.

    Returns:
        (T, channels, h, w) on the latent grid.

    Raises:
        ShapeError: if the picture's size is no multiple of the latent cell.
    """
    factor = backbone.vae_scale_factor
    if disparity.shape[1] % factor or disparity.shape[2] % factor:
        raise ShapeError(
            f"depth pictures of {disparity.shape[1]}x{disparity.shape[2]} do not divide into "
            f"latent cells of {factor} pixels"
        )
    features = []
    for frame in disparity:
        picture = torch.from_numpy(np.ascontiguousarray(frame)).to(backbone.device, backbone.dtype)
        features.append(backbone.control_embedding(picture.expand(1, 3, -1, -1)))
    return torch.cat(features)
