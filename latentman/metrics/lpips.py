"""LPIPS (Zhang et al., 2018): distance of two pictures in the features of AlexNet, weighted as people judge.

This is version 0.1 with the AlexNet trunk. The two official weight files hold only tensors; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentman.errors import WeightsError
from latentman.files.safetensors_file import read_tensors
from latentman.files.torch_file import read_torch

if TYPE_CHECKING:
    from torch import Tensor

TRUNK, LINEAR = "alexnet-owt-7be5be79", "alex"
"""The published file names without suffix: torchvision's AlexNet, and LPIPS' own ``v0.1/alex.pth``."""

HOW_TO_GET = (
    f"copy two files there: {TRUNK}.pth, torchvision's AlexNet trained on ImageNet, and {LINEAR}.pth from the folder "
    "lpips/weights/v0.1 of the PerceptualSimilarity repository or of the package lpips; or set metrics.lpips"
)

SMALLEST = 64
"""Pixels: the smallest side of a picture; below it, the trunk's last feature map is empty."""

_CONVOLUTIONS = (  # name in the file, channels in and out, kernel, stride, padding
    ("features.0", 3, 64, 11, 4, 2),
    ("features.3", 64, 192, 5, 1, 2),
    ("features.6", 192, 384, 3, 1, 1),
    ("features.8", 384, 256, 3, 1, 1),
    ("features.10", 256, 256, 3, 1, 1),
)
_POOLED_BEFORE = ("features.3", "features.6")
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPSILON = 1e-10
_SUFFIXES = (".safetensors", ".pth")

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Lpips:
    """The weights: five convolutions (weight, bias) of the trunk, and five rows that weigh their channels."""

    trunk: tuple[tuple[Tensor, Tensor], ...]
    linear: tuple[Tensor, ...]

    def distance(self, a: Frames, b: Frames) -> NDArray[np.float64]:
        """Return the distance (H, W) of two pictures (H, W, 3) uint8 or float of 0..255 RGB, pixel by pixel.

        Its mean over H and W equals LPIPS except for edge effects of the upsampling; :meth:`value` is LPIPS itself.
        """
        import torch.nn.functional as F

        with_sizes = [F.interpolate(m, size=a.shape[:2], mode="bilinear") for m in self._layers(a, b)]
        return np.asarray(sum(with_sizes)[0, 0].cpu().double().numpy())  # type: ignore[index]

    def value(self, a: Frames, b: Frames) -> float:
        """Return LPIPS of two pictures (H, W, 3) of 0..255 RGB: each layer's mean over positions, summed."""
        return float(sum(float(layer.cpu().double().mean()) for layer in self._layers(a, b)))

    def _layers(self, a: Frames, b: Frames) -> list[Tensor]:
        import torch

        with torch.inference_mode():
            both = torch.from_numpy(np.stack([a, b]).astype(np.float32)).to(self.linear[0].device)
            features = self._features(both.permute(0, 3, 1, 2))
            maps = []
            for feature, weight in zip(features, self.linear, strict=True):
                unit = feature / (feature.square().sum(1, keepdim=True).sqrt() + _EPSILON)
                maps.append(((unit[:1] - unit[1:]).square() * weight).sum(1, keepdim=True))
        return maps

    def _features(self, pictures: Tensor) -> list[Tensor]:
        """Return the trunk's features of pictures (N, 3, H, W) of 0..255, after each of its five ReLUs."""
        import torch.nn.functional as F

        shift, scale = (pictures.new_tensor(values)[:, None, None] for values in (_SHIFT, _SCALE))
        x, features = (pictures / 127.5 - 1 - shift) / scale, []
        for (name, _, _, _, stride, padding), (weight, bias) in zip(_CONVOLUTIONS, self.trunk, strict=True):
            if name in _POOLED_BEFORE:
                x = F.max_pool2d(x, kernel_size=3, stride=2)
            x = F.relu(F.conv2d(x, weight, bias, stride=stride, padding=padding))
            features.append(x)
        return features


def why_missing(folder: Path) -> str | None:
    """Return which LPIPS files a folder lacks and how to get them, or None if it is complete."""
    missing = [name for name in (TRUNK, LINEAR) if _find(folder, name) is None]
    return f"no LPIPS weights {' and '.join(missing)} in {folder}: {HOW_TO_GET}" if missing else None


def load_lpips(folder: Path, device: str = "cpu") -> Lpips:
    """Load the weights from a folder.

    Raises:
        WeightsError: if a file is missing or damaged, or holds anything but tensors of the right shapes.
    """
    reason = why_missing(folder)
    if reason is not None:
        raise WeightsError(reason)
    trunk, linear = (_read(path) for path in files_behind(folder))
    where = files_behind(folder)
    convolutions = []
    for name, inputs, outputs, kernel, _, _ in _CONVOLUTIONS:
        weight = _tensor(trunk, f"{name}.weight", (outputs, inputs, kernel, kernel), where[0])
        bias = _tensor(trunk, f"{name}.bias", (outputs,), where[0])
        convolutions.append((weight.to(device), bias.to(device)))
    rows = [
        _tensor(linear, f"lin{index}.model.1.weight", (1, convolution[2], 1, 1), where[1]).to(device)
        for index, convolution in enumerate(_CONVOLUTIONS)
    ]
    return Lpips(tuple(convolutions), tuple(rows))


def files_behind(folder: Path) -> tuple[Path, ...]:
    """Return the weight files that exist."""
    found = (_find(folder, name) for name in (TRUNK, LINEAR))
    return tuple(path for path in found if path is not None)


def _find(folder: Path, name: str) -> Path | None:
    return next((path for suffix in _SUFFIXES if (path := folder / f"{name}{suffix}").is_file()), None)


def _read(path: Path) -> Mapping[str, Any]:
    advice = "it is damaged, or not an official LPIPS file: fetch it again"
    if path.suffix == ".safetensors":
        return read_tensors(path, advice=advice)
    held = read_torch(path, advice=advice)
    if not isinstance(held, Mapping):
        raise WeightsError(f"{path} holds a {type(held).__name__}, not tensors by name: fetch it again")
    return held


def _tensor(held: Mapping[str, Any], name: str, shape: tuple[int, ...], path: Path) -> Tensor:
    import torch

    tensor = held.get(name)
    if not isinstance(tensor, torch.Tensor) or tuple(tensor.shape) != shape:
        found = "is missing" if tensor is None else f"has shape {tuple(getattr(tensor, 'shape', ()))}"
        raise WeightsError(f"{path}: {name} {found}, LPIPS with AlexNet (v0.1) has {shape}; fetch the file again")
    return tensor.float()
