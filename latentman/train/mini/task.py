"""The interface between a part's training and the loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

Batch = dict[str, Tensor]
"""Tensors that share their first axis, the examples."""


class Task(Protocol):
    """A training task."""

    name: str
    modules: nn.ModuleDict
    """The networks that are trained."""

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return a batch of ``size`` examples, including all its random values."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return means over the examples of a batch; ``loss`` is minimised."""

    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        """Write pictures that show the progress of the averaged weights."""


@dataclass
class Learner:
    """The weights of a task, their average and the optimiser, after ``step`` steps; a batch is split into ``parts``."""

    modules: nn.ModuleDict
    average: nn.ModuleDict
    optimizer: torch.optim.AdamW
    step: int = 0
    parts: int = 1
    seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """The outcome of a piece of training: whether it is ``finished``, and the current averaged networks."""

    finished: bool
    average: nn.ModuleDict
    seconds: float
