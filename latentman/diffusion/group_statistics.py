"""Group norms whose statistics are those of one whole picture, so that parts of others are decoded alike.

A group norm's mean and variance are taken over the picture. A window of a picture has others, and would be decoded to
other colours. The frames of a clip show the same things at the same step, so one whole frame gives the statistics for
the windows of the rest.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class GroupStatistics(TorchFunctionMode):
    """While it is entered, group norms keep their statistics the first time, and use the kept ones every other time."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._passes = self._next = 0

    def __enter__(self) -> GroupStatistics:
        """Begin a pass."""
        self._next = 0
        super().__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        """End a pass."""
        self._passes += 1
        super().__exit__(*problem)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Take the place of group norms and let everything else through."""
        if func is not functional.group_norm:
            return func(*args, **(kwargs or {}))
        return self._norm(*args, **(kwargs or {}))

    def _norm(self, x: Tensor, num_groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        if not self._passes:
            self._kept.append(_statistics(x.detach().float(), num_groups, eps))
        mean, factor = self._kept[self._next]
        self._next += 1
        scale = weight.float().reshape(num_groups, -1) * factor
        shift = bias.float().reshape(num_groups, -1) - mean * scale
        shape = (1, -1, *(1,) * (x.dim() - 2))
        return torch.addcmul(shift.reshape(shape).to(x.dtype), x, scale.reshape(shape).to(x.dtype))


def _statistics(x: Tensor, num_groups: int, eps: float) -> tuple[Tensor, Tensor]:
    """Return mean and 1 / sqrt(variance + eps) of every group of x (1, C, ...), both (groups, 1).

    Sums over places first, channel by channel, need no copy of x in another memory layout.
    """
    places = list(range(2, x.dim()))
    means = (x.mean(places), x.square().mean(places))
    mean, square = (one.reshape(num_groups, -1).mean(1, keepdim=True) for one in means)
    return mean, ((square - mean**2).clamp_min(0) + eps).rsqrt()
