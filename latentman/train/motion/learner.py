"""The small MDM with its optimiser and average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from latentman.motion.learned.mdm import MDM
from latentman.motion.learned.mini_text import MiniTextEncoder


@dataclass
class Learner:
    """The networks, their moving averages and the optimiser: with the random state, the content of a checkpoint."""

    model: MDM
    text: MiniTextEncoder
    model_average: MDM
    text_average: MiniTextEncoder
    optimizer: torch.optim.AdamW
    generator: torch.Generator
    rng: np.random.Generator
    step: int = 0
