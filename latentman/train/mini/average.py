"""The moving average of learnt weights, which is what a finished model is made of."""

from __future__ import annotations

import copy

import torch
from torch import nn


def average_of(modules: nn.ModuleDict) -> nn.ModuleDict:
    """Return a copy to average into: frozen, in evaluation mode."""
    copied: nn.ModuleDict = copy.deepcopy(modules).eval().requires_grad_(False)
    return copied


@torch.no_grad()
def follow(average: nn.ModuleDict, modules: nn.ModuleDict, step: int, ema: float) -> None:
    """Move the average towards the weights after ``step`` steps; it begins quickly and ends at the decay ``ema``."""
    decay = min(ema, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), [p.detach() for p in modules.parameters()], 1 - decay)
