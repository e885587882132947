"""The networks that judge pictures: one classifies the picture, one segments the figure."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

_GROUPS = 8


class _Residual(nn.Module):
    """Two convolutions with an identity shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.GroupNorm(_GROUPS, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(_GROUPS, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.body(x)
        return x + changed


class Classifier(nn.Module):
    """Classifies the character, the main colour (the last class is none) and the place of a picture.

    Args:
        width: channels of the first layer; the last has eight times as many.
        classes: number of classes of each head, by label.
    """

    def __init__(self, width: int, classes: dict[str, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, stride=2, padding=1)]
        for level in range(4):
            layers.append(_Residual(width * 2**level))
            if level < 3:
                layers.append(nn.Conv2d(width * 2**level, width * 2 ** (level + 1), 3, stride=2, padding=1))
        self.body = nn.Sequential(*layers, nn.GroupNorm(_GROUPS, 8 * width), nn.SiLU())
        # The mean captures global properties, the maximum local ones, such as a tie.
        self.heads = nn.ModuleDict({name: nn.Linear(16 * width, number) for name, number in classes.items()})

    def features(self, images: Tensor) -> Tensor:
        """Return features (N, 16 width) of images (N, 3, S, S) in 0 to 1."""
        maps = self.body(2 * images - 1)
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return logits (N, classes) by label."""
        found = self.features(images)
        return {name: head(found) for name, head in self.heads.items()}


class Segmenter(nn.Module):
    """Segments the figure: a U-Net with three levels, the first at half the picture's size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = [width, 2 * width, 4 * width]
        self.enter = nn.Conv2d(3, width, 5, stride=2, padding=2)
        self.down = nn.ModuleList([_Residual(size) for size in sizes])
        self.shrink = nn.ModuleList([nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(sizes)])
        self.widen = nn.ModuleList([nn.Conv2d(b + a, a, 3, padding=1) for a, b in itertools.pairwise(sizes)])
        self.up = nn.ModuleList([_Residual(size) for size in sizes[:-1]])
        self.leave = nn.Conv2d(width, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, S, S) of the figure in images (N, 3, S, S) in 0 to 1."""
        x = self.enter(2 * images - 1)
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x)
            if level < len(self.shrink):
                kept.append(x)
                x = self.shrink[level](x)
        for level in reversed(range(len(self.up))):
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = self.up[level](self.widen[level](torch.cat([x, kept[level]], dim=1)))
        # Logits are interpolated between samples, so that their zero, the figure's edge, has sub-sample precision.
        return functional.interpolate(self.leave(x), images.shape[2:], mode="bilinear", align_corners=False)[:, 0]


def at_size(images: Tensor, size: int) -> Tensor:
    """Return images (N, 3, H, W) in 0 to 1 at ``size`` x ``size`` pixels, with antialiasing when they shrink."""
    if images.shape[-1] == size:
        return images
    return functional.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)
