"""Rasterisation: the visible face of each pixel, its depth, and the position within the face.

The default rasteriser needs only PyTorch. All pixels in the bounding boxes of all faces of many pictures are candidates
at once; the nearest face of each pixel is found by one integer minimum over (depth, face) keys. A run is therefore
repeatable on any device, and a picture does not depend on the others drawn with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.errors import check_choice
from latentman.render.fragments import NEAR, Fragments, Rasterizer
from latentman.types import Camera

_INSIDE = -1e-9
"""Smallest barycentric coordinate of a pixel inside a face: a pixel centre on a common edge belongs to both faces."""

_EMPTY = torch.iinfo(torch.int64).max


class TorchRasterizer:
    """A z-buffer in plain PyTorch, float64 inside, on the device of its input.

    Args:
        cull_back: skip faces seen from behind; a closed body looks the same and takes half the time.
        max_candidates: bounding-box pixels tested at once; affects memory (about 150 bytes each), never the result.
        max_faces: faces prepared at once, across pictures; affects memory (about 400 bytes each). A GPU is faster with
            many; on a CPU, the faces of one picture are as fast as many.
    """

    def __init__(self, *, cull_back: bool = True, max_candidates: int = 4_000_000, max_faces: int = 1_000_000) -> None:
        self.cull_back = cull_back
        self.max_candidates = max_candidates
        self.max_faces = max_faces

    @torch.no_grad()
    def __call__(self, vertices: Tensor, faces: Tensor, camera: Camera) -> Fragments:
        """Return what each pixel of the N pictures shows."""
        together = max(1, self.max_faces // max(1, len(faces)))
        pictures = [self._draw(v.double(), faces, camera) for v in vertices.split(together)]
        face, bary, depth = (torch.cat(values) for values in zip(*pictures, strict=True))
        return Fragments(face, bary, depth)

    def _draw(self, vertices: Tensor, faces: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
        """Draw the pictures of vertices (N, V, 3); pixels are numbered consecutively across pictures."""
        height, width = camera.height, camera.width
        setup = _set_up(vertices, faces, camera, self.cull_back)
        nearest = torch.full((len(vertices) * height * width,), _EMPTY, dtype=torch.int64, device=vertices.device)
        for first, last in _split(setup.count, self.max_candidates):
            pixel, triangle = _candidates(setup, first, last, width)
            weights = _edge_weights(setup, triangle, pixel, width)
            inside = (weights >= _INSIDE).all(-1)
            pixel, triangle = pixel[inside], triangle[inside]
            depth = 1 / (weights[inside] * setup.inverse_depth[triangle]).sum(-1)
            # Positive floats are ordered like their bits, so the smallest key is the nearest face.
            key = (depth.float().view(torch.int32).long() << 32) | triangle
            nearest.scatter_reduce_(0, pixel, key, "amin")
        return _resolve(setup, nearest, len(vertices), height, width)


@dataclass(frozen=True)
class _Setup:
    """The potentially visible triangles: ``face`` is the index in the mesh; all fields are per triangle.

    Pictures are stacked vertically, picture n below the ones before it: ``top`` is its first row, n H.
    """

    face: Tensor
    top: Tensor
    origin: Tensor
    gradient: Tensor
    inverse_depth: Tensor
    corner: Tensor
    extent: Tensor
    count: Tensor


def _set_up(vertices: Tensor, faces: Tensor, camera: Camera, cull_back: bool) -> _Setup:
    """Project the faces, drop the invisible ones, and prepare the edge functions."""
    depth = vertices[..., 2]
    safe = depth.clamp_min(NEAR)
    points = torch.stack(
        [camera.fx * vertices[..., 0] / safe + camera.cx, camera.fy * vertices[..., 1] / safe + camera.cy], dim=-1
    )
    corners, corner_depth = points[:, faces].flatten(0, 1), depth[:, faces].flatten(0, 1)
    limit = torch.tensor([camera.width, camera.height], device=vertices.device)
    low = torch.minimum(torch.ceil(corners.amin(1) - 0.5).clamp_min(0), limit.double()).long()
    high = torch.minimum(torch.floor(corners.amax(1) - 0.5).clamp_min(-1), limit.double() - 1).long()
    extent = (high - low + 1).clamp_min(0)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = first[:, 0] * second[:, 1] - second[:, 0] * first[:, 1]
    # With y down, a face seen from outside has a negative area.
    visible = (area < -1e-12) if cull_back else (area.abs() > 1e-12)
    visible &= (corner_depth.amin(1) > NEAR) & (extent.amin(1) > 0)
    index = visible.nonzero()[:, 0]
    first, second, extent = first[index], second[index], extent[index]
    picture = torch.div(index, len(faces), rounding_mode="floor")
    gradient = torch.stack([second[:, 1], -second[:, 0], -first[:, 1], first[:, 0]], dim=-1) / area[index, None]
    return _Setup(
        face=index - picture * len(faces),
        top=picture * camera.height,
        origin=corners[index, 0],
        gradient=gradient,
        inverse_depth=1 / corner_depth[index],
        corner=low[index],
        extent=extent,
        count=extent.prod(1),
    )


def _split(count: Tensor, limit: int) -> list[tuple[int, int]]:
    """Cut the triangles into ranges of at most ``limit`` candidates, or of a single triangle that has more."""
    total = count.cumsum(0).cpu()
    ranges, first = [], 0
    while first < len(total):
        done = int(total[first - 1]) if first else 0
        last = max(first + 1, int(torch.searchsorted(total, done + limit, right=True)))
        ranges.append((first, last))
        first = last
    return ranges


def _candidates(setup: _Setup, first: int, last: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the (pixel, triangle) pairs of the bounding boxes of triangles ``first`` to ``last``."""
    count = setup.count[first:last]
    triangle = torch.repeat_interleave(torch.arange(first, last, device=count.device), count)
    before = torch.repeat_interleave(count.cumsum(0) - count, count)
    index = torch.arange(len(triangle), device=count.device) - before
    columns = setup.extent[triangle, 0]
    down = torch.div(index, columns, rounding_mode="floor")
    corner = setup.corner[triangle]
    row = setup.top[triangle] + corner[:, 1] + down
    return row * width + corner[:, 0] + (index - down * columns), triangle


def _edge_weights(setup: _Setup, triangle: Tensor, pixel: Tensor, width: int) -> Tensor:
    """Return the barycentric coordinates (N, 3), in the picture's plane, of pixel centres in triangles."""
    row = torch.div(pixel, width, rounding_mode="floor")
    origin, gradient = setup.origin[triangle], setup.gradient[triangle]
    dx = (pixel - row * width) + 0.5 - origin[:, 0]
    dy = (row - setup.top[triangle]) + 0.5 - origin[:, 1]
    second = gradient[:, 0] * dx + gradient[:, 1] * dy
    third = gradient[:, 2] * dx + gradient[:, 3] * dy
    return torch.stack([1 - second - third, second, third], dim=-1)


def _resolve(setup: _Setup, nearest: Tensor, pictures: int, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return face, perspective-correct barycentric coordinates and depth of the nearest triangles, (N, H, W)."""
    device = nearest.device
    face = torch.full(nearest.shape, -1, dtype=torch.int64, device=device)
    bary = torch.zeros((len(nearest), 3), device=device)
    depth = torch.zeros(nearest.shape, device=device)
    pixel = (nearest != _EMPTY).nonzero()[:, 0]
    triangle = nearest[pixel] & 0xFFFFFFFF
    weights = _edge_weights(setup, triangle, pixel, width).clamp_min(0) * setup.inverse_depth[triangle]
    distance = 1 / weights.sum(-1)
    face[pixel] = setup.face[triangle]
    bary[pixel] = (weights * distance[:, None]).float()
    depth[pixel] = distance.float()
    shape = (pictures, height, width)
    return face.view(shape), bary.view(*shape, 3), depth.view(shape)


def _pytorch3d() -> Rasterizer:
    from latentman.render.pytorch3d_rasterizer import PyTorch3DRasterizer

    return PyTorch3DRasterizer()


RASTERIZERS: dict[str, Callable[[], Rasterizer]] = {"torch": TorchRasterizer, "pytorch3d": _pytorch3d}
"""The rasteriser of each value of ``renderer.name``."""


def get_rasterizer(name: str) -> Rasterizer:
    """Return the rasteriser of this name.

    Raises:
        ConfigError: if the name is unknown.
        MissingExtraError: if it needs a package that is not installed.
    """
    check_choice("renderer", name, RASTERIZERS)
    return RASTERIZERS[name]()
