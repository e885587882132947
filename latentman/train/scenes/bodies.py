"""The shipped bodies on a device: skinning, canonical coordinates, and the garment of each vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentman.body.build import build
from latentman.body.skinning import Body
from latentman.config import BodyConfig
from latentman.types import Array

SHAPES = ("neutral", "male", "female")

REGIONS = (
    "face", "scalp", "neck", "chest", "belly", "pelvis", "upper_arm", "forearm", "hand", "thigh", "shin", "foot",
)  # fmt: skip
"""Regions that a garment can cover; the order defines their indices."""

_REGION_OF_JOINT = (
    "pelvis", "thigh", "thigh", "belly", "shin", "shin", "belly", "foot", "foot", "chest", "foot", "foot",
    "neck", "chest", "chest", "face", "upper_arm", "upper_arm", "forearm", "forearm", "hand", "hand", "hand", "hand",
)  # fmt: skip


@dataclass(frozen=True)
class DrawnBody:
    """One body: ``body`` for fitting motions, and the data for its pictures, on the device.

    ``points`` (V, 3) bind pose in metres from the head joint of the bind pose (Y up, front +Z, left +X), float32;
    ``weights`` (V, 24) skinning; ``region`` (V, 12) the share of each vertex in each garment region.
    """

    body: Body
    points: Tensor
    origin: Tensor
    weights: Tensor
    region: Tensor


@dataclass(frozen=True)
class Bodies:
    """All bodies; they share their faces (F, 3)."""

    shapes: tuple[DrawnBody, ...]
    faces: Tensor

    @classmethod
    def load(cls, device: torch.device | str) -> Bodies:
        """Read the shipped bodies.

        Raises:
            WeightsError: if a file is missing or damaged.
        """
        bodies = [build(BodyConfig("anny", shape)) for shape in SHAPES]
        faces = torch.from_numpy(bodies[0].faces.astype(np.int64)).to(device)
        return cls(tuple(_drawn(body, device) for body in bodies), faces)


def _drawn(body: Body, device: torch.device | str) -> DrawnBody:
    head = body.joints[15]
    return DrawnBody(
        body=body,
        points=torch.from_numpy((body.vertices - head).astype(np.float32)).to(device),
        origin=torch.from_numpy(head.astype(np.float32)).to(device),
        weights=torch.from_numpy(body.weights.astype(np.float32)).to(device),
        region=torch.from_numpy(garment_regions(body)).to(device),
    )


def garment_regions(body: Body) -> Array:
    """Return the share of each vertex in each garment region, (V, 12) float32; rows sum to 1.

    The shares are the skinning weights of a region's joints: they vary smoothly, so that the largest one, interpolated,
    changes along clean lines. The whole head counts as face here; :func:`surface.find_surface` separates the scalp.
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
    points = drawn.points + drawn.origin
    return (blended[..., :3] @ points[..., None])[..., 0] + blended[..., 3]
