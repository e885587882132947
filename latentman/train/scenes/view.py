"""The camera's view of floor and sky in one picture, for each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.types import Camera

_FARTHEST = 60.0
"""Distance in metres at which the floor ends in haze."""


@dataclass(frozen=True)
class View:
    """The pixels of one picture, (H, W).

    ``x`` and ``y`` go from 0 to 1 over the picture, right and down; ``horizon`` is the y at which the floor ends.
    ``floor`` (H, W, 2) are the positions (x, z) in metres where the pixels' rays meet the floor; above the horizon,
    they are the farthest visible point. ``distance`` is the distance of that point in metres; ``ground`` is 1 below the
    horizon, 0 above.
    """

    x: Tensor
    y: Tensor
    horizon: float
    floor: Tensor
    distance: Tensor
    ground: Tensor

    @classmethod
    def of(cls, camera: Camera, device: torch.device | str) -> View:
        """Return the view of a camera that looks level or downwards from above the floor (y = 0)."""
        rows = (torch.arange(camera.height, dtype=torch.float64) + 0.5)[:, None]
        columns = (torch.arange(camera.width, dtype=torch.float64) + 0.5)[None]
        right, down = (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
        right, down = torch.broadcast_tensors(right, down)
        rays = torch.stack([right, down, torch.ones_like(right)], -1) @ torch.from_numpy(camera.rotation)
        eye = torch.from_numpy(-camera.rotation.T @ camera.translation)
        falling = (-rays[..., 1]).clamp_min(float(eye[1]) / _FARTHEST)
        distance = eye[1] / falling
        floor = (eye + rays * distance[..., None])[..., [0, 2]]
        tilt = camera.rotation[2]
        horizon = (camera.cy + camera.fy * float(tilt[1]) / max(1e-6, float((1 - tilt[1] ** 2) ** 0.5))) / camera.height

        def placed(values: Tensor) -> Tensor:
            return values.to(device=device, dtype=torch.float32)

        return cls(
            x=placed((columns / camera.width).expand(camera.height, -1)),
            y=placed((rows / camera.height).expand(-1, camera.width)),
            horizon=horizon,
            floor=placed(floor),
            distance=placed(distance),
            ground=placed(-rays[..., 1] > float(eye[1]) / _FARTHEST),
        )
