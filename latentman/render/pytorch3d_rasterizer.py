"""``renderer=pytorch3d``: the rasteriser of PyTorch3D (Ravi et al. 2020) behind our protocol, where it is installed.

PyTorch3D's normalised device coordinates have x to the left and y up; the shorter side of the picture is from -1 to 1.
Pixel centres are at half-integers, as ours, so that a point at (u, v) in pixels is at (W - 2u, H - 2v) / min(H, W).
Its rasteriser interpolates depth with perspective-correct barycentric coordinates, as ours, in single precision.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from latentman.errors import MissingExtraError
from latentman.render.fragments import NEAR, Fragments
from latentman.types import Camera


class PyTorch3DRasterizer:
    """``rasterize_meshes`` on the device of its input: one face per pixel, no blur, no bins (``bin_size=0``).

    Args:
        cull_back: skip faces seen from behind.

    Raises:
        MissingExtraError: if PyTorch3D is not installed, or its compiled part cannot be loaded.
    """

    def __init__(self, *, cull_back: bool = True) -> None:
        self.cull_back = cull_back
        self._rasterize, self._meshes = _import()

    @torch.no_grad()
    def __call__(self, vertices: Tensor, faces: Tensor, camera: Camera) -> Fragments:
        """Return what each pixel of the N pictures shows."""
        drawn = [self._draw(of_picture, faces.long(), camera) for of_picture in vertices.double()]
        face, bary, depth = (torch.stack(values) for values in zip(*drawn, strict=True))
        return Fragments(face, bary, depth)

    def _draw(self, vertices: Tensor, faces: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
        """Draw one picture of vertices (V, 3): face (H, W), barycentric coordinates (H, W, 3), depth (H, W)."""
        size = (camera.height, camera.width)
        # PyTorch3D would cut a face at the camera or project it inside out; ours leaves it out.
        kept = (vertices[:, 2][faces].amin(1) > NEAR).nonzero()[:, 0]
        if not len(kept):
            return (
                torch.full(size, -1, dtype=torch.int64, device=vertices.device),
                torch.zeros((*size, 3), device=vertices.device),
                torch.zeros(size, device=vertices.device),
            )
        points = _to_ndc(vertices, camera).float()
        index, depth, bary, _ = self._rasterize(
            self._meshes(verts=[points], faces=[faces[kept]]),
            image_size=size,
            blur_radius=0.0,
            faces_per_pixel=1,
            bin_size=0,
            perspective_correct=True,
            clip_barycentric_coords=False,
            cull_backfaces=self.cull_back,
        )
        index, depth, bary = index[0, ..., 0], depth[0, ..., 0], bary[0, ..., 0, :]
        seen = index >= 0
        face = torch.where(seen, kept[index.clamp_min(0)], -1)
        return face, torch.where(seen[..., None], bary, 0.0), torch.where(seen, depth, 0.0)


def _to_ndc(vertices: Tensor, camera: Camera) -> Tensor:
    """Return vertices (V, 3) in camera axes as PyTorch3D's x and y, with depth in metres as the third coordinate."""
    depth = vertices[:, 2]
    safe = depth.clamp_min(NEAR)
    u = camera.fx * vertices[:, 0] / safe + camera.cx
    v = camera.fy * vertices[:, 1] / safe + camera.cy
    shorter = min(camera.height, camera.width)
    return torch.stack([(camera.width - 2 * u) / shorter, (camera.height - 2 * v) / shorter, depth], dim=-1)


def _import() -> tuple[Any, Any]:
    """Return PyTorch3D's ``rasterize_meshes`` and ``Meshes``."""
    try:
        from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
        from pytorch3d.structures import Meshes
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"renderer=pytorch3d needs PyTorch3D, which cannot be imported ({error}). The package index has no wheel "
            "of it: build it for this Python and this torch from its public sources,\n"
            "  pip install --no-build-isolation 'git+https://github.com/facebookresearch/pytorch3d.git@stable'\n"
            "or use renderer=torch, which draws the same pictures without it"
        ) from error
    return rasterize_meshes, Meshes
