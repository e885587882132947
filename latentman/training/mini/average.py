"""The moving average of the weights: what a training keeps in the end."""

from __future__ import annotations

import copy

import torch
from torch import nn


def average_of(networks: nn.ModuleDict) -> nn.ModuleDict:
    """Return a copy that does not learn, to be moved towards the networks by :func:`follow`."""
    return copy.deepcopy(networks).requires_grad_(False).eval()


def decay_at(step: int, decay: float) -> float:
    """Return how much of the average stays at a step, counted from 1: little at first, so that the start is forgotten."""
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def follow(average: nn.ModuleDict, networks: nn.ModuleDict, decay: float) -> None:
    """Move the average towards the weights, keeping ``decay`` of it; buffers are copied."""
    torch._foreach_lerp_(list(average.parameters()), [weight.detach() for weight in networks.parameters()], 1 - decay)
    for ours, theirs in zip(average.buffers(), networks.buffers(), strict=True):
        ours.copy_(theirs)
