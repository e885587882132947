"""Smooth value noise: the same function of space on every device and in every picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

PERIOD = 32
"""Period of the noise in space, in cells."""

FLAT_PERIOD = 128
"""Period of the noise in the plane, in cells."""

_SEED = 20240


@dataclass(frozen=True)
class Noise:
    """Random values at the corners of a grid, smoothly interpolated; seeds shift the position where it is evaluated."""

    grid: Tensor
    plane: Tensor

    @classmethod
    def make(cls, device: torch.device | str) -> Noise:
        """Return the world's noise, which is always the same."""
        generator = torch.Generator().manual_seed(_SEED)
        grid = torch.rand((PERIOD,) * 3, generator=generator)
        plane = torch.rand((FLAT_PERIOD,) * 2, generator=generator)
        # One more cell on each side, so that the interpolation continues across the seam.
        grid = functional.pad(grid[None, None], (0, 1) * 3, mode="circular")
        plane = functional.pad(plane[None, None], (0, 1) * 2, mode="circular")
        return cls(grid.to(device), plane.to(device))

    def solid(self, points: Tensor) -> Tensor:
        """Return noise (...) in 0 to 1 at points (..., 3), with features as large as a unit."""
        where = _smooth(points.remainder(PERIOD)) * (2 / PERIOD) - 1
        flat = where.reshape(1, 1, 1, -1, 3)
        found = functional.grid_sample(self.grid, flat, mode="bilinear", align_corners=True)
        return found.reshape(points.shape[:-1])

    def flat(self, points: Tensor) -> Tensor:
        """Return noise (...) in 0 to 1 at points (..., 2), with features as large as a unit."""
        where = _smooth(points.remainder(FLAT_PERIOD)) * (2 / FLAT_PERIOD) - 1
        found = functional.grid_sample(self.plane, where.reshape(1, 1, -1, 2), mode="bilinear", align_corners=True)
        return found.reshape(points.shape[:-1])

    def clouds(self, points: Tensor) -> Tensor:
        """Return noise of three octaves (...) in 0 to 1 at points (..., 2)."""
        parts = [self.flat(points * 2**k + 17.0 * k) * 0.5**k for k in range(3)]
        return (parts[0] + parts[1] + parts[2]) / 1.75


def _smooth(points: Tensor) -> Tensor:
    """Ease the interpolation between two corners so that the noise has no creases there (smoothstep)."""
    whole = points.floor()
    part = points - whole
    return whole + part * part * (3 - 2 * part)


def smoothstep(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """Return 0 below ``low``, 1 above ``high`` and a smooth transition between; ``low`` > ``high`` reverses it."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
