"""Outdoor places."""

from __future__ import annotations

from dataclasses import replace

import torch

from latentman.train.scenes.noise import smoothstep
from latentman.train.scenes.place_parts import Backdrop

_CLOUD = (0.97, 0.97, 0.98)


def moon(canvas: Backdrop) -> None:
    """Paint grey, cratered ground under a black sky with stars and the earth."""
    canvas.gradient((0.005, 0.005, 0.02), (0.02, 0.02, 0.04))
    canvas.stars(60)
    canvas.disc((0.25, 0.50, 0.85), 0.075, (0.2, 0.6), shaded=0.7)
    canvas.ridge((0.40, 0.40, 0.42), 0.01, 0.10, 4.0)
    canvas.floor((0.66, 0.66, 0.68), (0.48, 0.48, 0.50), 1.2, 0.8)
    canvas.craters((0.33, 0.33, 0.35), 1.1)


def forest(canvas: Backdrop) -> None:
    """Paint dark trees behind a clearing."""
    canvas.gradient((0.55, 0.75, 0.85), (0.75, 0.88, 0.80))
    canvas.trees((0.08, 0.26, 0.09), (0.20, 0.13, 0.07), 9)
    canvas.floor((0.18, 0.32, 0.10), (0.30, 0.26, 0.12), 2.0, 0.9)


def beach(canvas: Backdrop) -> None:
    """Paint sand in front of a strip of sea."""
    canvas.gradient((0.30, 0.62, 0.95), (0.75, 0.90, 0.98))
    canvas.clouds(_CLOUD, 0.7)
    view = canvas.view
    waves = 0.85 + 0.3 * canvas.noise.flat(canvas.plane(6.0, 90.0))
    sea = smoothstep(view.horizon - 0.10, view.horizon - 0.092, view.y)
    canvas.put(sea, canvas.colour((0.07, 0.42, 0.64)) * waves[..., None])
    canvas.floor((0.90, 0.80, 0.57), (0.78, 0.66, 0.43), 2.2, 0.6)
    foam = smoothstep(0.012, 0.004, (view.y - view.horizon - 0.008 * canvas.line(9.0)).abs())
    canvas.put(0.9 * foam, canvas.colour((0.97, 0.98, 0.98)))


def desert(canvas: Backdrop) -> None:
    """Paint orange dunes under a clear sky with a low sun."""
    canvas.gradient((0.40, 0.66, 0.92), (0.97, 0.86, 0.64))
    canvas.disc((1.0, 0.93, 0.62), 0.05, (0.15, 0.6))
    canvas.ridge((0.80, 0.55, 0.28), 0.05, 0.22, 2.2)
    canvas.ridge((0.88, 0.63, 0.33), 0.0, 0.10, 3.0)
    canvas.floor((0.92, 0.68, 0.38), (0.78, 0.52, 0.26), 0.9, 0.8)


def snowy_road(canvas: Backdrop) -> None:
    """Paint a grey road through snow, with pale mountains."""
    canvas.gradient((0.60, 0.71, 0.83), (0.86, 0.90, 0.95))
    canvas.clouds(_CLOUD, 0.5)
    canvas.ridge((0.66, 0.73, 0.82), 0.08, 0.26, 3.5)
    canvas.ridge((0.83, 0.88, 0.93), 0.02, 0.10, 5.0)
    canvas.floor((0.97, 0.98, 1.0), (0.84, 0.88, 0.94), 1.6, 0.6)
    canvas.road((0.58, 0.60, 0.65), 0.85, None)


def city_at_night(canvas: Backdrop) -> None:
    """Paint dark houses with lit windows."""
    canvas.gradient((0.01, 0.02, 0.09), (0.13, 0.09, 0.24))
    canvas.stars(25)
    canvas.buildings((0.07, 0.07, 0.12), (0.98, 0.82, 0.35), 7.0, 0.5)
    canvas.floor((0.12, 0.12, 0.15), (0.17, 0.16, 0.19), 2.0, 0.5)
    canvas.road((0.20, 0.20, 0.24), 0.9, (0.95, 0.90, 0.55))


def street(canvas: Backdrop) -> None:
    """Paint houses along a road by day."""
    canvas.gradient((0.42, 0.66, 0.92), (0.82, 0.88, 0.93))
    canvas.clouds(_CLOUD, 0.8)
    canvas.buildings((0.66, 0.56, 0.46), (0.24, 0.30, 0.38), 6.0, 0.85)
    canvas.floor((0.60, 0.59, 0.58), (0.50, 0.49, 0.48), 2.0, 0.5)
    canvas.road((0.30, 0.30, 0.32), 0.9, (0.94, 0.94, 0.92))


def green_field(canvas: Backdrop) -> None:
    """Paint grass under a blue sky."""
    canvas.gradient((0.28, 0.58, 0.95), (0.80, 0.91, 0.98))
    canvas.clouds(_CLOUD, 0.9)
    canvas.ridge((0.25, 0.48, 0.28), 0.02, 0.10, 3.0)
    canvas.floor((0.30, 0.62, 0.16), (0.20, 0.46, 0.11), 2.4, 0.7)


def space(canvas: Backdrop) -> None:
    """Paint stars and a coloured nebula, with a planet and no ground."""
    canvas.view = replace(canvas.view, ground=torch.zeros_like(canvas.view.ground), horizon=1.0)
    canvas.gradient((0.01, 0.01, 0.05), (0.03, 0.01, 0.08))
    cloud = canvas.noise.clouds(canvas.plane(3.0, 3.0))
    tint = [(0.45, 0.10, 0.55), (0.10, 0.25, 0.65), (0.60, 0.15, 0.30)][int(canvas.rng.integers(3))]
    canvas.put(0.85 * smoothstep(0.42, 0.85, cloud), canvas.colour(tint))
    canvas.stars(130)
    planet = [(0.85, 0.55, 0.30), (0.40, 0.65, 0.75), (0.70, 0.40, 0.60)][int(canvas.rng.integers(3))]
    canvas.disc(planet, 0.11, (0.1, 0.45), shaded=0.75)


def mars(canvas: Backdrop) -> None:
    """Paint rust-red ground under a butterscotch sky."""
    canvas.gradient((0.66, 0.40, 0.27), (0.93, 0.70, 0.50))
    canvas.disc((0.98, 0.93, 0.85), 0.03, (0.15, 0.6))
    canvas.ridge((0.52, 0.24, 0.14), 0.04, 0.20, 3.0)
    canvas.floor((0.70, 0.30, 0.14), (0.50, 0.19, 0.09), 1.3, 0.9)
    canvas.craters((0.36, 0.13, 0.07), 1.3)


def lake(canvas: Backdrop) -> None:
    """Paint mountains and their lake behind a green shore."""
    canvas.gradient((0.36, 0.60, 0.90), (0.88, 0.90, 0.92))
    canvas.ridge((0.38, 0.45, 0.58), 0.12, 0.32, 3.0)
    canvas.ridge((0.20, 0.38, 0.28), 0.05, 0.14, 5.0)
    view = canvas.view
    ripple = 0.88 + 0.24 * canvas.noise.flat(canvas.plane(5.0, 70.0))
    canvas.put(smoothstep(view.horizon - 0.065, view.horizon - 0.058, view.y),
               canvas.colour((0.22, 0.46, 0.66)) * ripple[..., None])  # fmt: skip
    canvas.floor((0.36, 0.50, 0.20), (0.50, 0.48, 0.30), 2.0, 0.8)
