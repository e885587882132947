"""GMD: MDM's task with a convolutional network, features in world coordinates, and a given path of the root.

Karunratanakul et al., "Guided Motion Diffusion for Controllable Human Motion Synthesis", ICCV 2023, and the released
code. Features differ from HumanML3D's only in the root: feature 0 is half the yaw and features 1 and 2 are x and z,
already integrated. After normalisation every frame is multiplied by one random matrix, which gives these three more
weight ("emphasis projection", section 4.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from latentman.errors import DataError, ShapeError
from latentman.motion.humanml3d import NUM_FEATURES, RIC, ROOT_HEIGHT, Statistics, place
from latentman.motion.learned.ancestral import Denoiser
from latentman.motion.learned.gmd_unet import TemporalUNet
from latentman.motion.learned.mdm import PositionalEncoding, TimestepEmbedder
from latentman.motion.skeleton import about_y
from latentman.types import NUM_JOINTS, Array

PADDED_FRAMES = 224
"""Number of input frames of the network; shorter motions are padded with zeros on the right."""

_MAX_STEPS = 5000
_ROOT_XZ = slice(1, 3)


@dataclass(frozen=True, slots=True)
class GMDShape:
    """Sizes of a model; the defaults are those of the released motion model."""

    num_features: int = NUM_FEATURES
    width: int = 512
    channels: tuple[int, ...] = (1024, 1024, 1024, 1024)
    text_width: int = 512

    @property
    def name(self) -> str:
        """Description of the detected model, for messages."""
        kind = "motion" if self.num_features == NUM_FEATURES else "trajectory"
        return f"GMD {kind} model with channels {', '.join(map(str, self.channels))}, width {self.width}"

    @classmethod
    def from_keys(cls, shapes: Mapping[str, tuple[int, ...]]) -> GMDShape:
        """Read the sizes from a checkpoint's names and shapes; missing ones keep their defaults."""
        first = re.compile(r"unet\.downs\.(\d+)\.0\.blocks\.0\.block1?\.0\.weight")
        levels = {int(m.group(1)): shapes[key] for key in shapes if (m := first.fullmatch(key))}
        if not levels or sorted(levels) != list(range(len(levels))):
            return cls()
        text = shapes.get("embed_text.weight", (cls().width, cls().text_width))
        channels = tuple(levels[level][0] for level in sorted(levels))
        return cls(num_features=levels[0][1], width=text[0], channels=channels, text_width=text[1])


TRAJECTORY = GMDShape(num_features=4, channels=(64, 128, 256))
"""The released trajectory model, which has only the four root features."""


class GMD(nn.Module):
    """The network with its embeddings of time and text; called like :class:`latentman.motion.learned.mdm.MDM`."""

    def __init__(self, shape: GMDShape | None = None) -> None:
        super().__init__()
        self.shape = shape or GMDShape()
        width = self.shape.width
        self.sequence_pos_encoder = PositionalEncoding(width, _MAX_STEPS)
        self.embed_timestep = TimestepEmbedder(width, self.sequence_pos_encoder)
        self.embed_text = nn.Linear(self.shape.text_width, width)
        self.unet = TemporalUNet(self.shape.num_features, width, self.shape.channels)

    def forward(self, motion: Tensor, timesteps: Tensor, text: Tensor) -> Tensor:
        """Return the network's prediction (N, F, 1, T): the clean motion, or the noise for the trajectory model.

        Args:
            motion: noisy motion (N, F, 1, T), T at most 224.
            timesteps: (N,) integer steps of the training schedule.
            text: (N, text width) text features; zeros mean no text.
        """
        num_frames = motion.shape[-1]
        if num_frames > PADDED_FRAMES:
            raise ShapeError(f"GMD: expected at most {PADDED_FRAMES} frames, got {num_frames}")
        condition = self.embed_timestep(timesteps)[0] + self.embed_text(text)
        padded = nn.functional.pad(motion[:, :, 0], (0, PADDED_FRAMES - num_frames))
        out: Tensor = self.unet(padded, condition)[..., :num_frames]
        return out[:, :, None]


@dataclass(frozen=True)
class Projection:
    """Conversion between features (..., 263) and network values: normalised, then multiplied by the random matrix."""

    mean: Tensor
    std: Tensor
    matrix: Tensor
    inverse: Tensor

    @classmethod
    def make(cls, statistics: Statistics, matrix: Array, inverse: Array) -> Projection:
        """Return the projection in double precision.

        Raises:
            ShapeError: if a matrix is not (263, 263).
            DataError: if the second matrix is not the inverse of the first.
        """
        for name, array in (("rand_proj.npy", matrix), ("inv_rand_proj.npy", inverse)):
            if array.shape != (NUM_FEATURES, NUM_FEATURES):
                raise ShapeError(f"{name}: expected ({NUM_FEATURES}, {NUM_FEATURES}), got {array.shape}")
        tensors = [torch.as_tensor(a, dtype=torch.float64) for a in (statistics.mean, statistics.std, matrix, inverse)]
        undone = tensors[2] @ tensors[3] - torch.eye(NUM_FEATURES, dtype=torch.float64)
        if not bool(undone.abs().max() < 1e-2):
            raise DataError("inv_rand_proj.npy is not the inverse of rand_proj.npy: use both from the same release")
        return cls(*tensors)

    def encode(self, features: Tensor) -> Tensor:
        """Return the network values (..., 263) of features (..., 263)."""
        return ((features - self.mean.to(features)) / self.std.to(features)) @ self.matrix.to(features)

    def decode(self, values: Tensor) -> Tensor:
        """Return the features (..., 263) of a network's output (..., 263)."""
        return (values @ self.inverse.to(values)) * self.std.to(values) + self.mean.to(values)


def follow_path(denoise: Denoiser, projection: Projection, path: Tensor) -> Denoiser:
    """Return a denoiser whose predicted x0 has its root on a path.

    Each prediction is projected back, x and z of the root are overwritten, and it is projected again (section 4.1 and
    the released code). The released code skips this at the last step; here it is included, so that the root is exactly
    on the path.

    Args:
        denoise: predicts x0 (N, 263, 1, T).
        projection: of this model.
        path: (K, 2) x and z in metres of the first K frames, K at most T; later frames are unconstrained.
    """

    def imputed(x: Tensor, steps: Tensor) -> Tensor:
        features = projection.decode(denoise(x, steps)[:, :, 0].transpose(1, 2))  # (N, T, 263)
        features[:, : len(path), _ROOT_XZ] = path.to(features)
        return projection.encode(features).transpose(1, 2)[:, :, None]

    return imputed


def recover_absolute(features: Array) -> Array:
    """Return joints (T, 22, 3) in metres from features (T, 263) with the root in world coordinates."""
    root = features[:, [1, ROOT_HEIGHT.start, 2]].astype(float)
    ric = features[:, RIC].astype(float).reshape(len(features), NUM_JOINTS - 1, 3)
    return place(root, about_y(-2.0 * features[:, 0].astype(float)), ric)
