"""Painting one figure: the colours of its garments, patterns and face, with lighting."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from latentman.train.scenes.bodies import REGIONS
from latentman.train.scenes.faces import eye_distance, paint_face
from latentman.train.scenes.look import Look
from latentman.train.scenes.noise import Noise, smoothstep
from latentman.train.scenes.patterns import PATTERNS
from latentman.train.scenes.surface import Surface, under_cap
from latentman.types import Array

CHEST_HEIGHT, WAIST_HEIGHT = -0.27, -0.555
"""Metres from the head joint in the bind pose: the centre of an emblem, and a belt."""

_AMBIENT, _DIFFUSE, _RIM = 0.36, 0.72, 0.10


def paint(look: Look, surface: Surface, light: Tensor, noise: Noise) -> Tensor:
    """Return the colour (K, 3), 0 to 1, of every sample of a figure.

    Args:
        look: the character's look.
        surface: K samples.
        light: (3,) unit vector towards the light, in camera axes.
        noise: the world's noise.
    """
    return shade(albedo(look, surface, noise), look, surface, light)


def albedo(look: Look, surface: Surface, noise: Noise) -> Tensor:
    """Return the colours (K, 3) without lighting."""
    if look.cap:
        surface = _capped(surface)
    colour = _tensor(look.regions, surface)[surface.region]
    for layer in look.layers:
        covered = torch.zeros(len(REGIONS), device=colour.device)
        covered[[REGIONS.index(name) for name in layer.regions]] = 1.0
        points = surface.points * layer.scale + _tensor(layer.offset, surface)
        share = PATTERNS[layer.pattern](points, surface.facing, layer.amount, noise) * covered[surface.region]
        colour = colour + share[:, None] * (_tensor(layer.colour, surface) - colour)
    colour = _paint_front(colour, look, surface)
    return paint_face(colour, look.face, surface)


def shade(colour: Tensor, look: Look, surface: Surface, light: Tensor) -> Tensor:
    """Return ``colour`` (K, 3) with lighting: a soft key light, its highlight, a rim light, and glowing eyes."""
    towards_viewer = torch.tensor([0.0, 0.0, -1.0], device=colour.device)
    facing = (surface.normal * light).sum(-1)
    # Half Lambert: the side away from the light keeps its shape and a recognisable colour.
    soft = (0.5 * facing + 0.5).clamp(0, 1) ** 1.3
    half = functional.normalize(light + towards_viewer, dim=0)
    shine = look.gloss * (surface.normal * half).sum(-1).clamp_min(0) ** look.sharpness
    rim = _RIM * (1 - (surface.normal * towards_viewer).sum(-1).clamp(0, 1)) ** 3
    lit = colour * (_AMBIENT + _DIFFUSE * soft)[:, None] + (shine + rim)[:, None]
    if look.glow > 0:
        x, y, z = surface.points.unbind(-1)
        eyes = smoothstep(0.024, 0.008, eye_distance(x, y)) * (z > 0.02)
        lit = lit + look.glow * eyes[:, None] * _tensor(look.face.eyes, surface)
    return lit.clamp(0, 1)


def _capped(surface: Surface) -> Surface:
    """Return the surface with a cap: more of the face counts as scalp."""
    covered = (surface.region == REGIONS.index("face")) & under_cap(surface.points)
    return replace(surface, region=torch.where(covered, REGIONS.index("scalp"), surface.region))


def _paint_front(colour: Tensor, look: Look, surface: Surface) -> Tensor:
    """Return the colours with emblem, tie, buttons and belt."""
    x, y, z = surface.points.unbind(-1)
    chest = (surface.region == REGIONS.index("chest")) | (surface.region == REGIONS.index("belly"))
    front = chest.float() * smoothstep(-0.01, 0.02, z)
    up = y - CHEST_HEIGHT
    for shape, value in look.emblems:
        share = front * _emblem(shape, x, up)
        colour = colour + share[:, None] * (_tensor(value, surface) - colour)
    if look.belt is not None:
        waist = (chest | (surface.region == REGIONS.index("pelvis"))).float()
        share = waist * smoothstep(0.027, 0.022, (y - WAIST_HEIGHT).abs())
        colour = colour + share[:, None] * (_tensor(look.belt, surface) - colour)
    return colour


def _emblem(shape: str, x: Tensor, up: Tensor) -> Tensor:
    """Return the share (K,) of an emblem at points ``x`` sideways and ``up`` above the centre of the chest, metres."""
    if shape == "disc":
        return smoothstep(0.058, 0.053, (x**2 + up**2).sqrt())
    if shape == "square":
        return smoothstep(0.055, 0.051, torch.maximum(x.abs(), up.abs() * 1.3))
    if shape == "diamond":
        return smoothstep(0.072, 0.066, x.abs() + up.abs())
    if shape == "tie":
        width = 0.016 + 0.10 * (0.06 - up).clamp(0, 0.2)
        return smoothstep(0.003, -0.003, x.abs() - width) * smoothstep(-0.26, -0.25, up) * smoothstep(0.16, 0.15, up)
    if shape == "collar":
        wide = 0.33 * (up + 0.05).clamp_min(0)
        return smoothstep(0.004, -0.004, x.abs() - wide) * smoothstep(-0.05, -0.035, up)
    if shape == "buttons":
        height = (up / 0.075 + 0.5).remainder(1.0) - 0.5
        return smoothstep(0.013, 0.009, (x**2 + (height * 0.075) ** 2).sqrt())
    return torch.zeros_like(x)


def _tensor(values: Array, surface: Surface) -> Tensor:
    return torch.as_tensor(values, dtype=surface.points.dtype, device=surface.points.device)
