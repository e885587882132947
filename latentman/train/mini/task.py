"""What a part's training hands to the loop, and what the loop hands back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

Batch = dict[str, Tensor]
"""Tensors that share their first axis, the examples."""


class Task(Protocol):
    """What is learnt."""

    name: str
    modules: nn.ModuleDict
    """The networks whose weights move."""

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return a batch of ``size`` examples, with all that is random about it."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return means over the examples of a batch; ``loss`` is what is minimised."""

    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        """Write pictures that tell how far the averaged weights are."""


@dataclass
class Learner:
    """The weights of a task, their average and the optimiser, after ``step`` steps; ``parts`` a batch is taken in."""

    modules: nn.ModuleDict
    average: nn.ModuleDict
    optimizer: torch.optim.AdamW
    step: int = 0
    parts: int = 1
    seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """How a piece of training ended: ``finished``, or out of its minutes; the averaged networks as they are now."""

    finished: bool
    average: nn.ModuleDict
    seconds: float
