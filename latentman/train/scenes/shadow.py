"""The soft shadow that joins a figure to the floor."""

from __future__ import annotations

import torch
from torch import Tensor

from latentman.train.scenes.view import View

_STRENGTH, _POINTS = 0.62, 60


def contact_shadow(view: View, vertices: Tensor) -> Tensor:
    """Return the remaining light, (H, W), 0 to 1, on the floor below a figure.

    Every point of the body casts a blot that grows and fades with its height.

    Args:
        view: the camera's view of the floor.
        vertices: (V, 3) in world metres.
    """
    points = vertices[:: max(1, len(vertices) // _POINTS)]
    height = points[:, 1].clamp_min(0)
    radius = 0.05 + 0.22 * height
    weight = torch.exp(-height / 0.45)
    low = ((view.ground > 0) & (view.distance < 12)).nonzero(as_tuple=True)
    floor = view.floor[low]
    apart = (floor[:, None, 0] - points[:, 0]) ** 2 + (floor[:, None, 1] - points[:, 2]) ** 2
    dark = (weight * torch.exp(-apart / (2 * radius**2))).sum(-1)
    left = torch.ones_like(view.x)
    left[low] = 1 - _STRENGTH * (1 - torch.exp(-0.9 * dark))
    return left
