"""Elements of places: skies, stars, ridges, buildings, trees, boards. All have soft edges, and none moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from latentman.train.scenes.noise import Noise, smoothstep
from latentman.train.scenes.view import View

RGB = Sequence[float]

_EDGE = 0.004
"""Half the width of a soft edge, as a share of the picture."""


class Backdrop:
    """A picture (H, W, 3) that is painted element by element, from far to near.

    ``offset`` shifts the noise, so that no two pictures of a place are the same.
    """

    def __init__(self, view: View, noise: Noise, rng: np.random.Generator) -> None:
        self.view, self.noise, self.rng = view, noise, rng
        self.picture = torch.zeros((*view.x.shape, 3), device=view.x.device)
        self.offset = float(rng.uniform(0, 100))

    def colour(self, value: RGB, spread: float = 0.04) -> Tensor:
        """Return RGB (3,) near a value, different in every picture."""
        drawn = np.clip(np.asarray(value) * self.rng.uniform(1 - 2 * spread, 1 + 2 * spread), 0, 1)
        return torch.tensor(drawn, dtype=torch.float32, device=self.picture.device)

    def put(self, share: Tensor, colour: Tensor) -> None:
        """Blend in a colour, (3,) or (H, W, 3), with weights ``share`` (H, W)."""
        self.picture = self.picture + share[..., None] * (colour - self.picture)

    def plane(self, across: float, down: float) -> Tensor:
        """Return points (H, W, 2) of the picture for noise, in cells per picture."""
        return torch.stack([self.view.x * across, self.view.y * down], -1) + self.offset

    def line(self, cells: float) -> Tensor:
        """Return noise (H, W) that varies only across the picture."""
        x = self.view.x * cells
        return self.noise.flat(torch.stack([x, torch.zeros_like(x)], -1) + self.offset)

    def gradient(self, top: RGB, bottom: RGB) -> None:
        """Fill the picture from the top to the horizon."""
        share = (self.view.y / max(self.view.horizon, 0.05)).clamp(0, 1)[..., None]
        self.picture = self.colour(top) * (1 - share) + self.colour(bottom) * share

    def clouds(self, colour: RGB, amount: float) -> None:
        """Paint clouds over the sky."""
        shape = self.noise.clouds(self.plane(3.5, 9.0))
        self.put(amount * smoothstep(0.52, 0.72, shape) * self.sky(), self.colour(colour))

    def stars(self, number: int, radius: float = 0.0035) -> None:
        """Scatter stars over the sky."""
        places = torch.tensor(self.rng.uniform(0, 1, (number, 2)), dtype=torch.float32, device=self.picture.device)
        sizes = torch.tensor(self.rng.uniform(0.7, 1.5, number), dtype=torch.float32, device=self.picture.device)
        apart = (self.view.x[..., None] - places[:, 0]) ** 2 + (self.view.y[..., None] - places[:, 1]) ** 2
        light = torch.exp(-apart / (radius * sizes) ** 2).amax(-1)
        self.put(light * self.sky(), torch.ones(3, device=self.picture.device))

    def disc(self, colour: RGB, radius: float, height: tuple[float, float], shaded: float = 0.0) -> None:
        """Paint a sun, moon or planet in the sky; ``shaded`` darkens one side."""
        x, y = self.rng.uniform(0.12, 0.88), self.rng.uniform(*height) * self.view.horizon
        dx, dy = self.view.x - x, self.view.y - y
        away = (dx**2 + dy**2).sqrt()
        lit = (1 - shaded * smoothstep(-radius, radius, dx + 0.5 * dy))[..., None] * self.colour(colour)
        self.put(smoothstep(radius + _EDGE, radius - _EDGE, away) * self.sky(), lit)

    def sky(self) -> Tensor:
        """Return 1 above the horizon, 0 below."""
        return 1 - self.view.ground

    def ridge(self, colour: RGB, low: float, high: float, cells: float) -> None:
        """Paint a row of hills ``low`` to ``high`` above the horizon."""
        height = low + (high - low) * (0.7 * self.line(cells) + 0.3 * self.line(3.1 * cells))
        self.put(self._below(height), self.colour(colour))

    def _below(self, height: Tensor) -> Tensor:
        """Return 1 where a pixel is less than ``height`` above the horizon."""
        return smoothstep(-_EDGE, _EDGE, self.view.y - (self.view.horizon - height))

    def trees(self, leaf: RGB, trunk: RGB, number: int) -> None:
        """Paint a wall of trees: trunks in front of dark, uneven foliage."""
        height = 0.24 + 0.20 * self.line(6.0) + 0.05 * self.line(40.0)
        shade = 0.55 + 0.9 * self.noise.clouds(self.plane(14.0, 14.0))
        self.put(self._below(height), self.colour(leaf) * shade[..., None])
        where = (self.view.x * number + self.offset).remainder(1.0)
        column = smoothstep(0.13, 0.09, (where - 0.5).abs())
        self.put(column * self._below(torch.full_like(height, 0.30)), self.colour(trunk))

    def buildings(self, wall: RGB, window: RGB, number: float, lit: float) -> None:
        """Paint a row of houses of different heights, with a share of ``lit`` windows."""
        along = self.view.x * number + self.offset
        house, part = along.floor(), along.remainder(1.0)
        height = 0.12 + 0.30 * _scatter(house, 1.0)
        tone = (0.8 + 0.4 * _scatter(house, 2.0))[..., None]
        inside = self._below(height)
        self.put(inside, self.colour(wall) * tone)
        column, row = part * 4, self.view.y * 32
        pane = smoothstep(0.30, 0.24, (column.remainder(1.0) - 0.5).abs())
        pane = pane * smoothstep(0.30, 0.22, (row.remainder(1.0) - 0.5).abs())
        on = (_scatter(house * 4 + column.floor(), row.floor() + 3.0) < lit).float()
        self.put(inside * pane * on * self.sky(), self.colour(window))
        gap = smoothstep(0.46, 0.5, (part - 0.5).abs())
        self.put(0.5 * gap * inside, self.colour((0.05, 0.05, 0.06)))

    def floor(self, colour: RGB, other: RGB, cells: float, amount: float) -> None:
        """Paint the ground: two colours mixed by noise of ``cells`` per metre, smoother with distance."""
        near = 1 / (1 + (self.view.distance * cells / 14) ** 2)
        mix = 0.5 + amount * near * 2 * (self.noise.clouds(self.view.floor * cells + self.offset) - 0.5)
        mixed = self.colour(colour) + mix.clamp(0, 1)[..., None] * (self.colour(other) - self.colour(colour))
        self.put(self.view.ground, mixed)

    def craters(self, colour: RGB, cells: float) -> None:
        """Paint craters on the ground."""
        dent = self.noise.flat(self.view.floor * cells + self.offset)
        near = 1 / (1 + (self.view.distance * cells / 10) ** 2)
        self.put(0.75 * near * smoothstep(0.62, 0.74, dent) * self.view.ground, self.colour(colour))

    def seams(self, colour: RGB, width: float, axis: int, thickness: float = 0.05, strength: float = 0.6) -> None:
        """Draw parallel seams ``width`` metres apart on the ground: boards or tiles."""
        part = (self.view.floor[..., axis] / width + 0.5).remainder(1.0) - 0.5
        # Distant seams are thinner than a pixel and would alias from row to row.
        near = smoothstep(30 * width, 12 * width, self.view.distance)
        line = smoothstep(thickness, 0.4 * thickness, part.abs())
        self.put(strength * near * line * self.view.ground, self.colour(colour))

    def road(self, colour: RGB, half_width: float, line: RGB | None) -> None:
        """Paint a road towards the horizon, with a dashed centre line."""
        middle = self.view.x - 0.5
        depth = (self.view.y - self.view.horizon).clamp_min(0)
        edge = half_width * depth + 0.012
        self.put(smoothstep(edge + 2 * _EDGE, edge, middle.abs()) * self.view.ground, self.colour(colour))
        if line is not None:
            dash = (torch.log(depth + 0.02) * 4.5 + self.offset).remainder(1.0)
            on = smoothstep(0.06, 0.1, dash) * smoothstep(0.62, 0.58, dash)
            self.put(smoothstep(0.05, 0.03, middle.abs() / (depth + 0.03)) * on * self.view.ground, self.colour(line))

    def wall(self, colour: RGB, other: RGB, across: float, down: float) -> None:
        """Cover everything above the ground with bricks or panels, ``across`` and ``down`` counts in the picture."""
        row = self.view.y * down
        along = self.view.x * across + 0.5 * row.floor().remainder(2.0)
        seam = torch.maximum((along.remainder(1.0) - 0.5).abs() - 0.46, (row.remainder(1.0) - 0.5).abs() - 0.42)
        tone = (0.88 + 0.24 * _scatter(along.floor(), row.floor()))[..., None]
        self.put(self.sky(), self.colour(colour) * tone)
        self.put(0.8 * smoothstep(0.0, 0.03, seam) * self.sky(), self.colour(other))

    def light(self, x: float, spread: float, strength: float) -> None:
        """Paint a cone of light from above."""
        width = spread * (0.15 + self.view.y)
        cone = torch.exp(-(((self.view.x - x) / width) ** 2))
        self.picture = self.picture + strength * cone[..., None] * (1 - 0.5 * self.view.y)[..., None]


def _scatter(first: Tensor, second: Tensor | float) -> Tensor:
    """Return pseudo-random numbers in 0 to 1 from two integers, without a visible pattern."""
    return (torch.sin(first * 12.9898 + torch.as_tensor(second) * 78.233) * 437.585).remainder(1.0)
