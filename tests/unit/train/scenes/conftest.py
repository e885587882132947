"""Fixtures for the scenes: the shipped bodies, views of them, a camera, and a shared studio."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from latentman.render.camera import frame_clip, look_at, to_camera
from latentman.render.rasterize import TorchRasterizer
from latentman.train.scenes.bodies import Bodies
from latentman.train.scenes.noise import Noise
from latentman.train.scenes.studio import Studio
from latentman.train.scenes.surface import Surface, find_surface
from latentman.types import Camera

SIZE = 64
"""Side in pixels of the pictures that the tests draw."""


@pytest.fixture(scope="session")
def bodies() -> Bodies:
    return Bodies.load("cpu")


@pytest.fixture(scope="session")
def noise() -> Noise:
    return Noise.make("cpu")


@pytest.fixture(scope="session")
def studio() -> Studio:
    """Return a studio, which takes several seconds to build."""
    return Studio.build("cpu", SIZE)


@pytest.fixture(scope="session")
def camera_at() -> Callable[..., Camera]:
    """Return a factory of cameras 3 m from a figure's position, turned and tilted by angles in degrees."""

    def stand(yaw: float = 20.0, pitch: float = 6.0, size: int = SIZE) -> Camera:
        target = np.array([0.0, 0.9, 0.0])
        return look_at(target, distance=3.0, size=size, yfov_deg=47, yaw_deg=yaw, pitch_deg=pitch)

    return stand


@pytest.fixture(scope="session")
def seen(bodies: Bodies) -> Callable[[float, int], Surface]:
    """Return the surface of the first body in its bind pose, seen from an angle in degrees at a size in pixels."""
    known: dict[tuple[float, int], Surface] = {}

    def look(yaw: float = 0.0, size: int = 300) -> Surface:
        if (yaw, size) not in known:
            known[yaw, size] = _surface(bodies, yaw, size)
        return known[yaw, size]

    return look


def _surface(bodies: Bodies, yaw: float, size: int) -> Surface:
    vertices = bodies.shapes[0].vertices
    camera = frame_clip(vertices, size=size, yfov_deg=47.0, yaw_deg=yaw, pitch_deg=0.0, margin=0.02)
    points = torch.from_numpy(np.asarray(to_camera(vertices, camera)))
    shown = TorchRasterizer()(points[None], bodies.faces, camera)
    there = shown.face[0] >= 0
    return find_surface(bodies, points.float(), shown.face[0][there], shown.bary[0][there])
