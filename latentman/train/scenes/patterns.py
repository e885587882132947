"""The patterns of cloth, skin and metal: the share of the pattern's colour at every point of the body."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from latentman.train.scenes.noise import PERIOD, Noise, smoothstep

Pattern = Callable[[Tensor, Tensor, float, Noise], Tensor]
"""Maps points (K, 3) in cells, the surface's unit normals (K, 3) and an amount, 0 to 1, to a share (K,), 0 to 1."""

_EDGE = 0.06
"""Width of a pattern's soft edge, in cells."""

_BONES = (
    ((0.0, -0.10), (0.0, -0.62)),
    ((0.0, -0.64), (0.10, -0.66)),
    ((0.19, -0.17), (0.35, -0.41), (0.52, -0.57)),
    ((0.11, -0.76), (0.15, -1.13), (0.21, -1.56)),
)
"""Ends of the bones in the front view, (x, y) in metres from the head joint; x is symmetric."""


def _line(x: Tensor, width: float, slope: float | Tensor = 1.0) -> Tensor:
    """Return 1 in the first ``width`` of every cell of x and 0 elsewhere, with soft edges.

    ``slope`` is how fast x changes along the surface: widths are measured there.
    """
    middle = ((x - width / 2 + 0.5).remainder(1.0) - 0.5).abs() / slope
    return 1 - smoothstep(width / 2 - _EDGE, width / 2 + _EDGE, middle)


def _slope(normals: Tensor, directions: Tensor) -> Tensor:
    """Return how fast a position along unit ``directions`` changes along the surface, from near 0 to 1."""
    return (1 - (normals * directions).sum(-1) ** 2).clamp_min(1e-4).sqrt()


def stripes(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return diagonal stripes."""
    return _line(points[:, 0] + points[:, 1], amount)


def pinstripes(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return vertical lines."""
    return _line(points[:, 0], amount)


def rings(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return slightly uneven rings around the body."""
    return _line(points[:, 1] + 0.3 * noise.solid(points * 0.4), amount)


def dots(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return round dots, flat on front and back."""
    part = points.remainder(1.0) - 0.5
    distance = (part[:, 0] ** 2 + part[:, 1] ** 2).sqrt()
    return 1 - smoothstep(amount - _EDGE, amount + _EDGE, distance)


def checks(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return a chessboard; ``amount`` is not used."""
    across, up = _line(points[:, 0] / 2, 0.5), _line(points[:, 1] / 2, 0.5)
    return across * up + (1 - across) * (1 - up)


def blotches(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return irregular spots that cover roughly ``1 - amount`` of the surface."""
    height = 0.65 * noise.solid(points * 0.8) + 0.35 * noise.solid(points * 1.9 + 5.0)
    return smoothstep(amount - _EDGE / 2, amount + _EDGE / 2, height)


def plates(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return the seams between plates."""
    axes = torch.eye(3, device=points.device, dtype=points.dtype)
    seams = torch.stack([_line(points[:, k], amount, _slope(normals, axes[k])) for k in range(3)])
    return seams.amax(0)


def scales(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return rows of rounded scales."""
    return _line(points[:, 1] + 0.35 * torch.sin(points[:, 0] * 6.28), amount)


def flames(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return warped stripes, a tiger's or a flame's."""
    return _line(points[:, 1] + 1.6 * noise.solid(points * 0.6), amount)


def cracks(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return a net of cracks between stones, each extending ``amount`` cells to both sides of its line.

    The stones are the Voronoi cells of one random point in each cube (Worley 1996). The distance from the plane between
    two of them is measured along the surface, so that a crack is equally wide where the plane meets it at an angle.
    """
    cube = points.floor().long()
    steps = torch.cartesian_prod(*[torch.arange(-1, 2, device=points.device)] * 3)
    around = cube[:, None] + steps
    centres = around + _random_points(around, noise)
    apart = centres - points[:, None]
    distance = apart.square().sum(-1)
    nearest = distance.argmin(1, keepdim=True)
    between = centres - centres.gather(1, nearest[..., None].expand(-1, -1, 3))
    length = between.norm(dim=-1).clamp_min(1e-6)
    plane = (distance - distance.gather(1, nearest)) / (2 * length)
    plane = plane / _slope(normals[:, None], between / length[..., None])
    plane = plane.scatter(1, nearest, torch.inf)
    return smoothstep(amount + _EDGE / 2, amount - _EDGE / 2, plane.amin(1))


def _random_points(cubes: Tensor, noise: Noise) -> Tensor:
    """Return the position (..., 3), 0 to 1, of each cube's random point inside it, for whole numbers (..., 3)."""
    x, y, z = cubes.unbind(-1)
    values = [noise.grid[0, 0, (x + 5 * k) % PERIOD, (y + 11 * k) % PERIOD, (z + 17 * k) % PERIOD] for k in range(3)]
    return torch.stack(values, -1)


def bones(points: Tensor, normals: Tensor, amount: float, noise: Noise) -> Tensor:
    """Return the long bones of spine, hips, arms and legs, each extending ``amount`` cells to both sides of its axis.

    At one cell per metre and without an offset, they coincide with the bones of the bind pose.
    """
    x, y = points[:, 0].abs(), points[:, 1]
    near = points.new_full(x.shape, torch.inf)
    for chain in _BONES:
        for (ax, ay), (bx, by) in pairwise(chain):
            dx, dy = bx - ax, by - ay
            along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0, 1)
            # A bone is thicker at its ends.
            reach = 1 + 0.8 * (2 * along - 1).abs() ** 6
            near = torch.minimum(near, ((x - ax - along * dx) ** 2 + (y - ay - along * dy) ** 2).sqrt() / reach)
    return smoothstep(amount + 0.004, amount - 0.004, near)


PATTERNS: dict[str, Pattern] = {
    "stripes": stripes,
    "pinstripes": pinstripes,
    "rings": rings,
    "dots": dots,
    "checks": checks,
    "blotches": blotches,
    "plates": plates,
    "scales": scales,
    "flames": flames,
    "cracks": cracks,
    "bones": bones,
}
"""Every pattern by its name."""
