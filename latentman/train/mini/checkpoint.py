"""``state.pt``: everything needed to continue a part of the training."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from latentman.errors import ConfigError, RecordError, WeightsError
from latentman.files.json_file import parse_json
from latentman.motion.learned.checkpoint import read_tensors
from latentman.system.paths import write_atomic
from latentman.train.mini.settings import MiniTraining
from latentman.train.scenes import scene_set

if TYPE_CHECKING:
    from latentman.train.mini.task import Learner

FORMAT = 1

STATE_FILE = "state.pt"

MAY_CHANGE = ("out", "preset", "minutes", "device", "threads", "workers", "compile", "models", "evaluation")
"""Settings that may differ between a training and its continuation."""

_RHYTHM = ("log_every", "save_every", "picture_every")

_READS = {
    "classifier": ("scenes", "judges"),
    "segmenter": ("scenes", "judges"),
    "vae": ("scenes", "networks", "vae"),
    "decoder": ("scenes", "networks", "vae", "decoder"),
    "t2i": ("scenes", "networks", "vae", "t2i"),
    "controlnet": ("scenes", "networks", "vae", "t2i", "controlnet"),
}
"""The groups of settings that each part depends on."""


def identity(part: str, settings: MiniTraining) -> dict[str, Any]:
    """Return all settings that a part depends on, as a flat mapping of dotted keys, with the format of its scenes."""
    groups = _READS.get(part, ())
    found: dict[str, Any] = {"scenes.format": scene_set.FORMAT} if "scenes" in groups else {}
    for key, value in asdict(settings).items():
        if isinstance(value, dict):
            if key in groups:
                found |= {f"{key}.{name}": one for name, one in value.items() if name not in _RHYTHM}
        elif key not in MAY_CHANGE:
            found[key] = value
    return found


def save(folder: Path, part: str, learner: Learner, settings: MiniTraining) -> None:
    """Write the state of a part; the previous file is kept until the new one is complete.

    Raises:
        RecordError: if the disk is full or the folder cannot be written.
    """
    content = {
        "format": FORMAT,
        "settings": json.dumps(identity(part, settings)),
        "step": learner.step,
        "parts": learner.parts,
        "seconds": learner.seconds,
        "modules": learner.modules.state_dict(),
        "average": learner.average.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
    }
    # torch's own writer hides the reason for a write error: it writes to memory, and Python writes the file.
    filled = io.BytesIO()
    torch.save(content, filled)
    try:
        write_atomic(folder / STATE_FILE, lambda path: path.write_bytes(filled.getbuffer()))
    except RecordError as error:
        reason = str(error).partition("; free some space")[0]
        raise RecordError(
            f"{reason}. The training of {part} is at step {learner.step}; the previously saved state is intact: free "
            f"{filled.tell() / 1e6:.0f} MB, and run the same command to continue"
        ) from error


def restore(folder: Path, part: str, learner: Learner, settings: MiniTraining) -> bool:
    """Continue from the state in ``folder``, if it exists; return whether it did.

    Raises:
        ConfigError: if it belongs to other settings, naming each.
        WeightsError: if it cannot be read.
    """
    content = read_state(folder, part, settings)
    if content is None:
        return False
    try:
        learner.modules.load_state_dict(content["modules"])
        learner.average.load_state_dict(content["average"])
        learner.optimizer.load_state_dict(content["optimizer"])
        learner.step, learner.parts = int(content["step"]), int(content["parts"])
        learner.seconds = float(content["seconds"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder / STATE_FILE) from error
    return True


def read_state(folder: Path, part: str, settings: MiniTraining) -> dict[str, Any] | None:
    """Return the content of ``state.pt``, or None if there is none; arguments and errors as for :func:`restore`."""
    path = folder / STATE_FILE
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = read_tensors(path)
        # Trainings on the first world did not record its format.
        form, before = content["format"], {"scenes.format": 1} | parse_json(content["settings"])
    except (WeightsError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if form != FORMAT:
        raise WeightsError(f"{path} has format {form}, and this version of latentman reads {FORMAT}: delete it")
    now = identity(part, settings)
    changed = [key for key in now if before.get(key) != now[key]]
    if changed:
        listed = ", ".join(f"{key} was {before.get(key)} and is {now[key]}" for key in changed)
        raise ConfigError(
            f"out={settings.out} holds a training of {part} with other settings: {listed}; choose another out=..., or "
            f"delete {path}"
        )
    return content


def _damaged(path: Path) -> WeightsError:
    return WeightsError(f"{path} is not a checkpoint of this training, or is damaged: delete it to restart the part")
