"""The files of a motion training: the state to continue from, and the finished model in MDM's official layout."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from latentman.errors import ConfigError, WeightsError
from latentman.files.json_file import parse_json
from latentman.files.opening import reading
from latentman.motion.humanml3d import Statistics
from latentman.motion.learned.checkpoint import read_tensors
from latentman.system.paths import write_atomic, write_json
from latentman.types import Array

if TYPE_CHECKING:
    from latentman.train.motion.learner import Learner
    from latentman.train.motion.settings import MotionTraining

logger = logging.getLogger("latentman.train")

STATE_FILE = "state.pt"
MODEL_FOLDER = "model"
MAY_CHANGE = ("out", "steps", "minutes", "device", "threads", "log_every", "save_every", "learning_rate")
"""Settings that may differ between a run and its continuation."""

_OF_THE_MACHINE = ("data", "out", "minutes", "device", "threads", "log_every", "save_every")
"""Settings that do not affect the model."""


def save(out: Path, learner: Learner, settings: MotionTraining) -> None:
    """Write the state of the training; the previous file is kept until the new one is complete."""
    content = {
        "settings": json.dumps(asdict(settings)),
        "step": learner.step,
        "model": learner.model.state_dict(),
        "text": learner.text.state_dict(),
        "model_average": learner.model_average.state_dict(),
        "text_average": learner.text_average.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
        "generator": learner.generator.get_state(),
        "rng": json.dumps(learner.rng.bit_generator.state),
    }
    write_atomic(out / STATE_FILE, lambda path: torch.save(content, path))


def restore(out: Path, learner: Learner, settings: MotionTraining) -> bool:
    """Continue from the checkpoint in ``out``, if it exists; return whether it did.

    Raises:
        ConfigError: if it belongs to another configuration.
        WeightsError: if it cannot be read.
    """
    path = out / STATE_FILE
    if not path.exists():
        return False
    try:
        content = read_tensors(path)
        before, now = parse_json(content["settings"]), asdict(settings)
    except (WeightsError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} is not a checkpoint of a motion training, or is damaged: delete it to restart"
        ) from error
    changed = [key for key in now if key not in MAY_CHANGE and before.get(key) != now[key]]
    if changed:
        listed = ", ".join(f"{key} was {before.get(key)} and is {now[key]}" for key in changed)
        raise ConfigError(f"out={out} holds a training with other settings: {listed}; choose another out=...")
    with reading(path, error=WeightsError, advice="delete it to restart"):
        learner.model.load_state_dict(content["model"])
        learner.text.load_state_dict(content["text"])
        learner.model_average.load_state_dict(content["model_average"])
        learner.text_average.load_state_dict(content["text_average"])
        learner.optimizer.load_state_dict(content["optimizer"])
        learner.generator.set_state(content["generator"])
        learner.rng.bit_generator.state = parse_json(content["rng"])
        learner.step = int(content["step"])
    logger.info("continuing at step %d of %d", learner.step, settings.steps)
    return True


def _write_array(path: Path, values: Array) -> None:
    np.save(path, values.astype(np.float32))


def export(out: Path, learner: Learner, statistics: Statistics, settings: MotionTraining) -> Path:
    """Write the averaged weights, in half precision, as a folder that ``motion=mdm`` and ``mdm_mini`` load."""
    folder = out / MODEL_FOLDER
    config = learner.model.config
    write_json(
        folder / "args.json",
        {
            "dataset": "humanml",
            "arch": "trans_enc",
            "latent_dim": config.latent_dim,
            "layers": config.layers,
            "ff_size": config.ff_size,
            "num_heads": config.num_heads,
            "diffusion_steps": config.diffusion_steps,
            "noise_schedule": "cosine",
            "sigma_small": True,
            "cond_mask_prob": settings.condition_drop,
            "mask_frames": True,
            "use_ema": True,
            "text_encoder_type": "mini",
            "max_frames": settings.frames,
        },
    )
    averaged = {name: value.detach().cpu().half() for name, value in learner.model_average.state_dict().items()}
    path = folder / f"model{learner.step:09d}.pt"
    write_atomic(path, lambda p: torch.save({"model_avg": averaged}, p))
    learner.text_average.write(folder)
    for name, values in (("Mean", statistics.mean), ("Std", statistics.std)):
        write_atomic(folder / f"{name}.npy", partial(_write_array, values=values))
    recipe = {key: value for key, value in asdict(settings).items() if key not in _OF_THE_MACHINE}
    write_json(folder / "training.json", {**recipe, "steps_done": learner.step})
    logger.info("the finished model is in %s", folder)
    return folder
