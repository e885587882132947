"""Indoor places."""

from __future__ import annotations

import torch

from latentman.train.scenes.noise import smoothstep
from latentman.train.scenes.place_parts import Backdrop


def stage(canvas: Backdrop) -> None:
    """Paint red curtains behind wooden boards, lit by two lamps."""
    fold = 0.5 + 0.5 * torch.sin(canvas.view.x * 55 + 2.5 * canvas.line(4.0) + canvas.offset)
    canvas.put(torch.ones_like(fold), canvas.colour((0.66, 0.05, 0.09)) * (0.45 + 0.55 * fold)[..., None])
    canvas.put(smoothstep(0.085, 0.075, canvas.view.y), canvas.colour((0.80, 0.62, 0.22)))
    canvas.floor((0.52, 0.33, 0.17), (0.43, 0.26, 0.13), 1.0, 0.5)
    canvas.seams((0.22, 0.13, 0.06), 0.28, 0, 0.08, 0.8)
    canvas.light(0.3, 0.16, 0.16)
    canvas.light(0.7, 0.16, 0.16)


def white_studio(canvas: Backdrop) -> None:
    """Paint a seamless white backdrop that darkens slightly towards its edges."""
    view = canvas.view
    canvas.gradient((0.88, 0.88, 0.89), (0.97, 0.97, 0.97))
    canvas.put(smoothstep(view.horizon - 0.1, view.horizon + 0.25, view.y), canvas.colour((0.90, 0.90, 0.91), 0.015))
    corner = ((view.x - 0.5) ** 2 + (view.y - 0.5) ** 2).sqrt()
    canvas.put(0.25 * smoothstep(0.35, 0.75, corner), canvas.colour((0.62, 0.62, 0.64)))


def castle(canvas: Backdrop) -> None:
    """Paint a hall of grey stone with torches and a banner."""
    canvas.wall((0.44, 0.42, 0.41), (0.22, 0.21, 0.21), 9.0, 16.0)
    view = canvas.view
    for x in (0.14, 0.86):
        away = ((view.x - x) ** 2 + (view.y - 0.55 * view.horizon) ** 2).sqrt()
        glow = torch.exp(-((away / 0.16) ** 2))
        canvas.picture = canvas.picture + 0.5 * glow[..., None] * canvas.colour((1.0, 0.62, 0.20))
        canvas.put(smoothstep(0.028, 0.014, away), canvas.colour((1.0, 0.85, 0.45)))
    canvas.floor((0.33, 0.31, 0.30), (0.26, 0.25, 0.24), 1.5, 0.5)
    canvas.seams((0.14, 0.13, 0.13), 0.7, 0)
    canvas.seams((0.14, 0.13, 0.13), 0.7, 1)


def gym(canvas: Backdrop) -> None:
    """Paint a sports hall: a blue wall with a pale band, and shiny wood with white lines."""
    view = canvas.view
    canvas.gradient((0.86, 0.87, 0.86), (0.80, 0.82, 0.83))
    canvas.put(smoothstep(view.horizon - 0.20, view.horizon - 0.19, view.y), canvas.colour((0.13, 0.32, 0.62)))
    part = (view.x * 8 + 0.5).remainder(1.0) - 0.5
    canvas.put(0.5 * smoothstep(0.04, 0.02, part.abs()) * canvas.sky(), canvas.colour((0.40, 0.44, 0.50)))
    canvas.floor((0.80, 0.58, 0.33), (0.72, 0.50, 0.27), 0.8, 0.5)
    canvas.seams((0.58, 0.39, 0.20), 0.22, 0, 0.07, 0.6)
    canvas.seams((0.97, 0.97, 0.95), 2.2, 1, 0.03, 0.95)


def library(canvas: Backdrop) -> None:
    """Paint shelves of books over a dark carpet."""
    view = canvas.view
    canvas.gradient((0.30, 0.19, 0.11), (0.34, 0.22, 0.13))
    row = view.y * 11
    book = (view.x * 46 + 7.0 * row.floor() + canvas.offset).floor()
    kind = (torch.sin(book * 12.9898 + row.floor() * 78.233) * 437.585).remainder(1.0)
    spines = [(0.60, 0.14, 0.12), (0.14, 0.26, 0.48), (0.16, 0.40, 0.22), (0.78, 0.66, 0.36), (0.42, 0.20, 0.38)]
    shelf = smoothstep(0.40, 0.36, (row.remainder(1.0) - 0.5).abs()) * canvas.sky()
    for number, spine in enumerate(spines):
        mine = ((kind * len(spines)).floor() == number).float()
        canvas.put(shelf * mine, canvas.colour(spine))
    edge = ((view.x * 46 + 7.0 * row.floor() + canvas.offset).remainder(1.0) - 0.5).abs()
    canvas.put(0.6 * shelf * smoothstep(0.40, 0.47, edge), canvas.colour((0.10, 0.06, 0.04)))
    canvas.floor((0.36, 0.10, 0.12), (0.30, 0.08, 0.10), 1.2, 0.6)
