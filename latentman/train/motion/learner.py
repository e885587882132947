"""The small MDM with its optimizer and its average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from latentman.motion.learned.mdm import MDM
from latentman.motion.learned.mini_text import MiniTextEncoder


@dataclass
class Learner:
    """The networks, their moving averages and the optimiser: all that a checkpoint keeps, with the random state."""

    model: MDM
    text: MiniTextEncoder
    model_average: MDM
    text_average: MiniTextEncoder
    optimizer: torch.optim.AdamW
    generator: torch.Generator
    rng: np.random.Generator
    step: int = 0
