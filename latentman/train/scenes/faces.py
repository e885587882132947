"""The features of a face, drawn at their positions on the head of the bind pose."""

from __future__ import annotations

import torch
from torch import Tensor

from latentman.train.scenes.bodies import REGIONS
from latentman.train.scenes.look import FaceLook
from latentman.train.scenes.noise import smoothstep
from latentman.train.scenes.surface import Surface

EYE_HEIGHT, EYE_SIDE, MOUTH_HEIGHT, NOSE_HEIGHT = 0.041, 0.033, -0.030, 0.0
"""Metres in canonical coordinates: where the mesh has its eyes, its lips and the tip of its nose."""

_SOFT = 0.002
"""Width in metres of a feature's soft edge."""

_WHITE = (0.95, 0.95, 0.95)


def paint_face(albedo: Tensor, look: FaceLook, surface: Surface) -> Tensor:
    """Return ``albedo`` (K, 3) with the features painted over it."""
    x, y, z = surface.points.unbind(-1)
    on_head = (surface.region == REGIONS.index("face")) | (surface.region == REGIONS.index("scalp"))
    front = on_head.float() * smoothstep(0.0, 0.03, z)
    canvas = _Canvas(albedo)
    if look.cover != "visor":
        _paint_skin(canvas, look, x, y, z, front)
    _paint_cover(canvas, look, x, y, front)
    if look.cover in ("none", "mask", "hood"):
        _paint_eyes(canvas, look, x, y, front)
    return canvas.colour


class _Canvas:
    """The colours painted so far."""

    def __init__(self, colour: Tensor) -> None:
        self.colour = colour

    def put(self, share: Tensor, colour: object) -> None:
        """Blend in a colour (3,) with weights ``share`` (K,)."""
        value = torch.as_tensor(colour, dtype=self.colour.dtype, device=self.colour.device)
        self.colour = self.colour + share[:, None] * (value - self.colour)


def eye_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return the distance (K,) in metres from the nearer eye, in the plane of the face."""
    return ((x.abs() - EYE_SIDE) ** 2 + (y - EYE_HEIGHT) ** 2).sqrt()


def _inside(limit: float, distance: Tensor) -> Tensor:
    return 1 - smoothstep(limit - _SOFT, limit + _SOFT, distance)


def _band(y: Tensor, height: float, reach: float) -> Tensor:
    return _inside(reach, (y - height).abs())


def _paint_skin(canvas: _Canvas, look: FaceLook, x: Tensor, y: Tensor, z: Tensor, front: Tensor) -> None:
    if look.beard is not None:
        # Below the mouth in front, and rising along the jaw towards the ears.
        edge = MOUTH_HEIGHT - 0.006 + 0.7 * (x.abs() - 0.025).clamp_min(0)
        jaw = smoothstep(0.004, -0.004, y - edge) * smoothstep(-0.01, 0.02, z)
        lip = _band(y, MOUTH_HEIGHT + 0.014, 0.004) * _inside(0.027, x.abs())
        canvas.put((jaw * front).maximum(lip * front), look.beard)
    if look.mouth is not None:
        curve = MOUTH_HEIGHT + 2.5 * x**2
        canvas.put(front * _band(y, 0.0, 1.0) * _inside(0.0055, (y - curve).abs()) * _inside(look.mouth_width, x.abs()),
                   look.mouth)  # fmt: skip
    if look.brows is not None:
        arch = EYE_HEIGHT + 0.021 - 6.0 * (x.abs() - EYE_SIDE) ** 2
        canvas.put(front * _inside(0.0045, (y - arch).abs()) * _inside(0.019, (x.abs() - EYE_SIDE).abs()), look.brows)
    around = (x**2 + (y - NOSE_HEIGHT) ** 2).sqrt()
    if look.nose == "plain":
        canvas.put(0.35 * front * _band(y, NOSE_HEIGHT - 0.012, 0.005) * _inside(0.014, x.abs()), (0.25, 0.12, 0.10))
    elif look.nose in ("clown", "cat"):
        red, radius = ((0.85, 0.05, 0.05), 0.021) if look.nose == "clown" else ((0.10, 0.05, 0.06), 0.014)
        canvas.put(front * _inside(radius, around), red)


def _paint_cover(canvas: _Canvas, look: FaceLook, x: Tensor, y: Tensor, front: Tensor) -> None:
    if look.cover_colour is None:
        return
    strip = _band(y, EYE_HEIGHT, 0.022)
    if look.cover == "mask":
        canvas.put(front * strip, look.cover_colour)
    elif look.cover == "hood":
        canvas.put(front * strip * _inside(0.06, x.abs()), look.cover_colour)
    elif look.cover == "slit":
        canvas.put(front * _band(y, EYE_HEIGHT, 0.012) * _inside(0.062, x.abs()), look.cover_colour)
        canvas.put(front * _inside(0.004, x.abs()) * _band(y, -0.02, 0.045), look.cover_colour)
    elif look.cover == "goggles":
        canvas.put(front * strip * _inside(0.068, x.abs()), look.cover_colour)
    elif look.cover == "visor":
        oval = ((x / 0.066) ** 2 + ((y - 0.03) / 0.066) ** 2).sqrt()
        canvas.put(front * (1 - smoothstep(0.95, 1.03, oval)), look.cover_colour)
        shine = (((x - 0.022) / 0.016) ** 2 + ((y - 0.058) / 0.010) ** 2).sqrt()
        canvas.put(0.7 * front * (1 - smoothstep(0.8, 1.2, shine)), _WHITE)


def _paint_eyes(canvas: _Canvas, look: FaceLook, x: Tensor, y: Tensor, front: Tensor) -> None:
    distance = eye_distance(x, y)
    if look.whites:
        flat = (((x.abs() - EYE_SIDE) / 1.5) ** 2 + (y - EYE_HEIGHT) ** 2).sqrt()
        canvas.put(front * _inside(look.eye_radius * 1.15, flat), _WHITE)
    canvas.put(front * _inside(look.eye_radius * (0.75 if look.whites else 1.0), distance), look.eyes)
