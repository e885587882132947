"""The moving average of the trained weights, which becomes the finished model."""

from __future__ import annotations

import copy

import torch
from torch import nn


def average_of(modules: nn.ModuleDict) -> nn.ModuleDict:
    """Return a copy for the average: frozen, in evaluation mode."""
    copied: nn.ModuleDict = copy.deepcopy(modules).eval().requires_grad_(False)
    return copied


@torch.no_grad()
def follow(average: nn.ModuleDict, modules: nn.ModuleDict, step: int, ema: float) -> None:
    """Update the average after ``step`` steps; it follows quickly at first and ends at the decay ``ema``."""
    decay = min(ema, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), [p.detach() for p in modules.parameters()], 1 - decay)
