"""Moving meshes with known flow, and their conditions."""

import numpy as np

from latentman.config import CameraConfig, DepthConfig
from latentman.render.conditions import render_conditions
from latentman.types import BodySequence

CAMERA = CameraConfig(yfov_deg=47, yaw_deg=0, pitch_deg=0, margin=0.1)
DEPTH = DepthConfig("inverse", "clip", None, 0.3, 0.9)


def sheet(centre, width, height, cells=12):
    """Return vertices and faces of an upright sheet that faces the camera (+Z)."""
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, cells + 1) * width, np.linspace(-0.5, 0.5, cells + 1) * height)
    vertices = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3) + centre
    corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    right, up = corner + 1, corner + cells + 1
    faces = np.concatenate([np.stack([corner, right, up], 1), np.stack([right, up + 1, up], 1)])
    return vertices, faces


def scene(*parts):
    """Join parts, each (vertices (T, V, 3), faces), into one body."""
    before = np.cumsum([0] + [vertices.shape[1] for vertices, _ in parts[:-1]])
    vertices = np.concatenate([vertices for vertices, _ in parts], axis=1)
    faces = np.concatenate([faces + first for (_, faces), first in zip(parts, before, strict=True)])
    return BodySequence(
        vertices=vertices,
        faces=faces.astype(np.int32),
        joints=np.repeat(vertices.mean(1, keepdims=True), 22, axis=1),
        part=np.ones(len(faces), np.int64),
        corner_uv=np.zeros((len(faces), 3, 2)),
        fps=10.0,
    )


def moved(part, offsets):
    """Return a part (vertices (V, 3), faces) shifted by every offset (T, 3)."""
    vertices, faces = part
    return vertices + np.asarray(offsets, float)[:, None], faces


def seen(body, size=96, camera=CAMERA):
    return render_conditions(body, camera=camera, depth=DEPTH, size=size)
