"""What a rasteriser sees at each pixel, and the protocol that every rasteriser follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from latentman.types import Camera

NEAR = 1e-2
"""Metres in front of the camera; a face with a corner nearer than this is not drawn."""


@dataclass(frozen=True)
class Fragments:
    """The rasterised pixels of N pictures.

    ``face`` (N, H, W) int64, -1 for the background; ``bary`` (N, H, W, 3) float32 perspective-correct barycentric
    coordinates, 0 for the background; ``depth`` (N, H, W) float32 metres along the view axis, 0 for the background.
    """

    face: Tensor
    bary: Tensor
    depth: Tensor


class Rasterizer(Protocol):
    """Draws ``vertices`` (N, V, 3), in camera axes, with ``faces`` (F, 3), counter-clockwise seen from outside."""

    def __call__(self, vertices: Tensor, faces: Tensor, camera: Camera) -> Fragments:
        """Return what each pixel of the N pictures shows."""
