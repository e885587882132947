"""The state of a part's training: all that it goes on from."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from latentman.errors import ConfigError, RecordError, WeightsError
from latentman.motion.checkpoint import read_tensors
from latentman.paths import write_atomic

logger = logging.getLogger("latentman.training")

STATE_FILE = "state.pt"

FORMAT = 1
"""Of the state file; one of another format is refused."""


@dataclass
class Learner:
    """The networks, their moving average and the optimiser, with where the training stands."""

    networks: nn.ModuleDict
    average: nn.ModuleDict
    optimizer: torch.optim.AdamW
    step: int = 0
    pieces: int = 1
    """In how many pieces a batch is taken, because the device's memory does not hold it whole."""
    seconds: float = 0.0
    """Time that the training has taken so far."""


def save(folder: Path, learner: Learner, identity: Mapping[str, Any]) -> None:
    """Write the state; the one before stays until the new one is whole.

    Raises:
        RecordError: if it cannot be written.
    """
    content = {
        "format": FORMAT,
        "identity": json.dumps(dict(identity)),
        "step": learner.step,
        "pieces": learner.pieces,
        "seconds": learner.seconds,
        "networks": learner.networks.state_dict(),
        "average": learner.average.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
    }
    # torch's own writer hides the reason why a disk cannot be written: it fills memory, and Python writes that.
    filled = io.BytesIO()
    torch.save(content, filled)
    try:
        write_atomic(folder / STATE_FILE, lambda path: path.write_bytes(filled.getbuffer()))
    except RecordError as error:
        reason = str(error).partition("; free some space")[0]
        raise RecordError(
            f"{reason}. The training stands at step {learner.step}; what was saved before is whole: free "
            f"{filled.tell() / 1e6:.0f} MB, then give the same command again"
        ) from error


def restore(folder: Path, learner: Learner, identity: Mapping[str, Any]) -> bool:
    """Go on from the state in ``folder``, if there is one; tell whether there was.

    Raises:
        ConfigError: if it belongs to another configuration.
        WeightsError: if it cannot be read.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return False
    try:
        content = read_tensors(path)
        number, before = int(content["format"]), dict(json.loads(content["identity"]))
    except (WeightsError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, folder.name) from error
    if number != FORMAT:
        raise WeightsError(
            f"{path} has format {number}, and this version reads {FORMAT}: delete it to start {folder.name} anew, or "
            "choose another out=..."
        )
    refuse_others(folder, before, identity)
    try:
        learner.networks.load_state_dict(content["networks"])
        learner.average.load_state_dict(content["average"])
        learner.optimizer.load_state_dict(content["optimizer"])
        learner.step, learner.pieces = int(content["step"]), int(content["pieces"])
        learner.seconds = float(content["seconds"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, folder.name) from error
    return True


def refuse_others(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with a part that was begun with other settings.

    Raises:
        ConfigError: naming the keys that differ.
    """
    # As JSON gives them back, so that a tuple and a list are the same.
    wanted = json.loads(json.dumps(dict(now)))
    changed = [key for key in sorted({*wanted, *before}) if before.get(key) != wanted.get(key)]
    if changed:
        listed = ", ".join(f"{key} was {before.get(key)} and is {wanted.get(key)}" for key in changed)
        raise ConfigError(
            f"{folder} holds a training with other settings: {listed}; give the same ones again, choose another "
            f"out=..., or delete {folder} to start anew"
        )


def _damaged(path: Path, part: str) -> WeightsError:
    return WeightsError(f"{path} is no state of a training of this kind, or damaged: delete it to start {part} anew")
