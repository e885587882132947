"""GMD's network: a one-dimensional convolutional U-Net over frames, conditioned on time and text in every block.

Karunratanakul et al., "Guided Motion Diffusion for Controllable Human Motion Synthesis", ICCV 2023, and the released
code. Modules are named so that the tensors of the released checkpoints fit unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

_KERNEL = 5
_GROUPS = 8


def _convolution(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Return a convolution and a group norm; identities fill the positions of reshapes in the released code."""
    convolution = nn.Conv1d(in_channels, out_channels, _KERNEL, padding=_KERNEL // 2)
    return [convolution, nn.Identity(), nn.GroupNorm(_GROUPS, out_channels), nn.Identity()]


class PlainBlock(nn.Module):
    """Convolution, group norm, Mish."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(*_convolution(in_channels, out_channels), nn.Mish())

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, out, T) for (N, in, T)."""
        out: Tensor = self.block(x)
        return out


class SteeredBlock(nn.Module):
    """Convolution, group norm, a scale and shift from the condition, Mish."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.block1 = nn.Sequential(*_convolution(in_channels, out_channels))

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Return (N, out, T) for (N, in, T); scale and shift are (N, out, 1)."""
        return nn.functional.mish(self.block1(x) * (1 + scale) + shift)


class ResidualBlock(nn.Module):
    """A conditioned and a plain block with a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, condition: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([SteeredBlock(in_channels, out_channels), PlainBlock(out_channels, out_channels)])
        self.time_mlp = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * out_channels))
        same = in_channels == out_channels
        self.residual_conv = nn.Identity() if same else nn.Conv1d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return (N, out, T) for (N, in, T) under the condition (N, C)."""
        scale, shift = self.time_mlp(condition)[..., None].chunk(2, dim=1)
        out: Tensor = self.blocks[1](self.blocks[0](x, scale, shift)) + self.residual_conv(x)
        return out


class Halve(nn.Module):
    """Halves the number of frames."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, T / 2)."""
        out: Tensor = self.conv(x)
        return out


class Double(nn.Module):
    """Doubles the number of frames."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(channels, channels, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, 2 T)."""
        out: Tensor = self.conv(x)
        return out


class TemporalUNet(nn.Module):
    """A U-Net over frames.

    Args:
        num_features: features of a frame.
        width: length of the condition vector.
        channels: channels of each level; every level but the last halves the number of frames.
    """

    def __init__(self, num_features: int, width: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.halvings = len(channels) - 1
        self.time_mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.Mish(), nn.Linear(4 * width, width))
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        sizes = [num_features, *channels]
        for level, (before, after) in enumerate(pairwise(sizes)):
            smaller = Halve(after) if level < self.halvings else nn.Identity()
            self.downs.append(self._level(before, after, width, smaller))
        self.mid_block1 = ResidualBlock(sizes[-1], sizes[-1], width)
        self.mid_block2 = ResidualBlock(sizes[-1], sizes[-1], width)
        for after, before in reversed(list(pairwise(sizes[1:]))):
            self.ups.append(self._level(2 * before, after, width, Double(after)))
        self.final_conv = nn.Sequential(PlainBlock(sizes[1], sizes[1]), nn.Conv1d(sizes[1], num_features, 1))

    @staticmethod
    def _level(before: int, after: int, width: int, resize: nn.Module) -> nn.ModuleList:
        """Return two blocks, a placeholder for the attention (unused in released models), and a change of length."""
        blocks = [ResidualBlock(before, after, width), ResidualBlock(after, after, width)]
        return nn.ModuleList([*blocks, nn.Identity(), resize])

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return (N, F, T) for (N, F, T) under the condition (N, C); T is a multiple of 2 ** halvings."""
        steering = self.time_mlp(condition)
        skipped = []
        for level in self.downs:
            first, second, _, resize = level.children()
            x = second(first(x, steering), steering)
            skipped.append(x)
            x = resize(x)
        x = self.mid_block2(self.mid_block1(x, steering), steering)
        for level in self.ups:
            first, second, _, resize = level.children()
            x = torch.cat([x, skipped.pop()], dim=1)
            x = resize(second(first(x, steering), steering))
        out: Tensor = self.final_conv(x)
        return out
