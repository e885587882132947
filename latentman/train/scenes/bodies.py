"""The shipped bodies on a device: their builds, skinning, canonical coordinates, and the garment of each vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from latentman.body.build import build
from latentman.body.builds import AXES, with_builds
from latentman.body.skinning import Body, with_betas
from latentman.config import BodyConfig
from latentman.types import Array

SHAPES = ("neutral", "male", "female")

BUILD_SPREAD = 0.5
"""Standard deviation of a build's amounts, of which 1 is the most that is drawn."""

REGIONS = (
    "face", "scalp", "neck", "chest", "belly", "pelvis", "upper_arm", "forearm", "hand", "thigh", "shin", "foot",
)  # fmt: skip
"""Regions that a garment can cover; the order defines their indices."""

_REGION_OF_JOINT = (
    "pelvis", "thigh", "thigh", "belly", "shin", "shin", "belly", "foot", "foot", "chest", "foot", "foot",
    "neck", "chest", "chest", "face", "upper_arm", "upper_arm", "forearm", "forearm", "hand", "hand", "hand", "hand",
)  # fmt: skip


@dataclass(frozen=True)
class Build:
    """The build of one figure: ``shape`` is the index of its body, ``amounts`` (4,) are one of each axis, -1 to 1."""

    shape: int
    amounts: Array


def draw_build(rng: np.random.Generator) -> Build:
    """Return a random build, which is mostly near that of a shipped body."""
    return Build(int(rng.integers(len(SHAPES))), np.clip(rng.normal(0, BUILD_SPREAD, len(AXES)), -1, 1))


@dataclass(frozen=True)
class DrawnBody:
    """A body in one build: ``body`` with its joints, and its skin on the device.

    ``points`` (V, 3) bind pose in metres, float32; ``weights`` (V, 24) skinning.
    """

    body: Body
    points: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Bodies:
    """All bodies, which share their mesh: ``faces`` (F, 3).

    ``points`` (V, 3) are the canonical coordinates by which every build is painted, so that a feature is at the same
    place of each: the neutral body's bind pose in metres from its head joint (Y up, front +Z, left +X), float32;
    ``normals`` (V, 3) are its unit normals. ``region`` (V, 12) is the share of each vertex in each garment region.
    """

    shapes: tuple[Body, ...]
    weights: tuple[Tensor, ...]
    faces: Tensor
    points: Tensor
    normals: Tensor
    region: Tensor

    @classmethod
    def load(cls, device: torch.device | str) -> Bodies:
        """Read the shipped bodies and their builds.

        Raises:
            WeightsError: if a file is missing or damaged.
        """
        bodies = tuple(with_builds(build(BodyConfig("anny", shape))) for shape in SHAPES)
        neutral = bodies[0]
        faces = torch.from_numpy(neutral.faces.astype(np.int64))
        points = _single(neutral.vertices - neutral.joints[15])
        return cls(
            shapes=bodies,
            weights=tuple(_single(body.weights).to(device) for body in bodies),
            faces=faces.to(device),
            points=points.to(device),
            normals=vertex_normals(points, faces).to(device),
            region=torch.from_numpy(garment_regions(neutral)).to(device),
        )

    def figure(self, chosen: Build) -> DrawnBody:
        """Return the body in a build."""
        body = with_betas(self.shapes[chosen.shape], chosen.amounts)
        return DrawnBody(body, _single(body.vertices).to(self.points.device), self.weights[chosen.shape])


def garment_regions(body: Body) -> Array:
    """Return the share of each vertex in each garment region, (V, 12) float32; rows sum to 1.

    The shares are the skinning weights of a region's joints: they vary smoothly, so that the largest one, interpolated,
    changes along clean lines. They do not at the neck, where :func:`surface.find_surface` draws the borders.
    """
    pull = np.zeros((len(body.vertices), len(REGIONS)), dtype=np.float32)
    for joint, name in enumerate(_REGION_OF_JOINT):
        pull[:, REGIONS.index(name)] += body.weights[:, joint].astype(np.float32)
    return pull


def joint_transforms(body: Body, rotations: Array, joints: Array) -> Array:
    """Return each joint's transform of the bind pose, (T, 24, 3, 4), for global rotations and joint positions.

    These are the maps that :func:`latentman.body.skinning.skin` blends.
    """
    linear = rotations @ body.stretch @ body.bind_rotations.transpose(0, 2, 1)
    shift = joints - (linear @ body.joints[:, :, None])[..., 0]
    return np.concatenate([linear, shift[..., None]], axis=-1)


def skin(drawn: DrawnBody, transforms: Tensor) -> Tensor:
    """Return the vertices (V, 3) in metres of one pose, whose joints have the transforms (24, 3, 4)."""
    blended = (drawn.weights @ transforms.reshape(24, 12)).reshape(-1, 3, 4)
    return (blended[..., :3] @ drawn.points[..., None])[..., 0] + blended[..., 3]


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return unit normals (V, 3) of vertices (V, 3), pointing out of the body (all axes as given)."""
    corners = vertices[faces]
    across = (corners[:, 1] - corners[:, 0]).cross(corners[:, 2] - corners[:, 0], dim=-1)
    total = vertices.new_zeros(vertices.shape)
    for corner in range(3):
        total.index_add_(0, faces[:, corner], across)
    return functional.normalize(total, dim=-1)


def _single(values: Array) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
