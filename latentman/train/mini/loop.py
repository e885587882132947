"""The training loop of every part: it can be stopped at any time, and a continued training ends with the same weights.

The random draws of a step depend only on the seed, the part and the number of the step, so no random state has to be
saved. If memory is too small for a batch, the batch is split into parts whose gradients are accumulated; the batch, and
therefore the result, does not change.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from latentman.errors import DeviceMemoryError, NumericsError, RecordError
from latentman.record.metrics_log import MetricsLog
from latentman.system.memory import memory_peak
from latentman.train.mini import checkpoint
from latentman.train.mini.average import average_of, follow
from latentman.train.mini.settings import MiniTraining, Optimisation
from latentman.train.mini.task import Batch, Learner, Outcome, Task

logger = logging.getLogger("latentman.train")


def device_name(device: torch.device) -> str:
    """Return the name of a device for a record."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


def train(
    task: Task,
    cfg: Optimisation,
    settings: MiniTraining,
    folder: Path,
    device: torch.device,
    advance: Callable[[int, int], None],
) -> Outcome:
    """Train a task until its steps are done or ``settings.minutes`` have passed.

    Args:
        task: the task; its networks are on ``device``.
        cfg: the optimisation settings.
        settings: settings of the whole training; a state in ``folder`` must have the same ones.
        folder: folder of the state, the log and the pictures.
        device: the torch device.
        advance: called with (steps done, steps in total).

    Raises:
        ConfigError: if ``folder`` holds a training with other settings.
        WeightsError: if its state is damaged.
        RecordError: if the disk is full; the previous state is kept.
        DeviceMemoryError: if not even one example fits into memory.
        NumericsError: if the loss is no longer finite; the previous state is kept.
    """
    learner = begin(task, cfg)
    if checkpoint.restore(folder, task.name, learner, settings):
        logger.info("%s: continuing at step %d of %d", task.name, learner.step, cfg.steps)
    log, inputs = _open_log(folder, task.name, settings)
    started, before = time.monotonic(), learner.seconds
    advance(learner.step, cfg.steps)
    while learner.step < cfg.steps:
        values = take_step(task, learner, cfg, settings, device)
        learner.seconds = before + time.monotonic() - started
        advance(learner.step, cfg.steps)
        last = learner.step == cfg.steps
        if learner.step % cfg.log_every == 0 or last:
            _report(log, inputs, task.name, learner, cfg, values, device)
        over = settings.minutes is not None and time.monotonic() - started > 60 * settings.minutes
        if learner.step % cfg.save_every == 0 or last or over:
            _check_finite(task.name, learner.step, values)
            checkpoint.save(folder, task.name, learner, settings)
        if learner.step % cfg.picture_every == 0 or last:
            task.show(learner.average, folder / "pictures", learner.step)
        if over and not last:
            logger.info(
                "%s: stopped after %s minutes at step %d of %d; run the same command to continue",
                task.name, settings.minutes, learner.step, cfg.steps,
            )  # fmt: skip
            return Outcome(False, learner.average, learner.seconds)
    return Outcome(True, learner.average, learner.seconds)


def begin(task: Task, cfg: Optimisation) -> Learner:
    """Return a learner at step 0."""
    task.modules.train()
    parameters = [p for p in task.modules.parameters() if p.requires_grad]
    on_gpu = bool(parameters) and parameters[0].is_cuda
    optimizer = torch.optim.AdamW(
        parameters, cfg.learning_rate, betas=(0.9, 0.98), weight_decay=cfg.weight_decay, fused=on_gpu
    )
    return Learner(task.modules, average_of(task.modules), optimizer)


def take_step(
    task: Task, learner: Learner, cfg: Optimisation, settings: MiniTraining, device: torch.device
) -> dict[str, Tensor]:
    """Perform one step of the optimiser and the average; return the losses, on the device.

    Raises:
        DeviceMemoryError: if not even one example fits into the memory.
    """
    rate = learning_rate(learner.step, cfg)
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    generator = step_generator(settings.seed, task.name, learner.step, device)
    batch = task.draw(cfg.batch, generator)
    while True:
        learner.optimizer.zero_grad(set_to_none=True)
        try:
            values = _gradients(task, batch, learner.parts, settings.precision, device)
            break
        except torch.OutOfMemoryError as error:
            # Outside this block, the traceback would keep the tensors that filled memory alive.
            _halve(task.name, learner, cfg, error)
        if device.type == "cuda":
            torch.cuda.empty_cache()
    nn.utils.clip_grad_norm_(task.modules.parameters(), 1.0)
    learner.optimizer.step()
    learner.step += 1
    follow(learner.average, learner.modules, learner.step, cfg.ema)
    return values


def _gradients(task: Task, batch: Batch, parts: int, precision: str, device: torch.device) -> dict[str, Tensor]:
    """Accumulate the gradients of a batch in ``parts`` parts; return the mean losses."""
    size = len(next(iter(batch.values())))
    pieces = {name: value.chunk(parts) for name, value in batch.items()}
    total: dict[str, Tensor] = {}
    for index in range(len(next(iter(pieces.values())))):
        piece = {name: values[index] for name, values in pieces.items()}
        share = len(next(iter(piece.values()))) / size
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            values = task.losses(piece)
        (values["loss"] * share).backward()
        for name, value in values.items():
            total[name] = total.get(name, torch.zeros((), device=value.device)) + value.detach() * share
    return total


def _halve(name: str, learner: Learner, cfg: Optimisation, error: Exception) -> None:
    if learner.parts >= cfg.batch:
        raise DeviceMemoryError(
            f"{name}: a single example does not fit into the device's memory; free memory, or train a smaller network"
        ) from error
    learner.parts = min(2 * learner.parts, cfg.batch)
    logger.warning(
        "%s: a batch of %d does not fit into the device's memory: from now on it is split into %d parts of %d with "
        "accumulated gradients",
        name, cfg.batch, learner.parts, -(-cfg.batch // learner.parts),
    )  # fmt: skip


def learning_rate(step: int, cfg: Optimisation) -> float:
    """Return the rate of a step: a linear warm-up, then a cosine decay to 1/50."""
    warm = min(1.0, (step + 1) / max(cfg.warmup, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / cfg.steps)))
    return cfg.learning_rate * warm * (0.02 + 0.98 * cosine)


def step_generator(seed: int, part: str, step: int, device: torch.device | str) -> torch.Generator:
    """Return the random generator of one step of one part."""
    digest = hashlib.sha256(f"{seed}/{part}/{step}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:4], "big"))


def _open_log(folder: Path, part: str, settings: MiniTraining) -> tuple[MetricsLog, str]:
    """Return the part's log without lines of other settings, and the hash of the current settings in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"cannot make the folder {folder}: {error.strerror}; choose another out=...") from error
    known = json.dumps(checkpoint.identity(part, settings), sort_keys=True)
    inputs = hashlib.sha256(known.encode()).hexdigest()[:16]
    log = MetricsLog.open(folder)
    log.begin(part, inputs)
    return log, inputs


def _check_finite(part: str, step: int, values: dict[str, Tensor]) -> None:
    if not math.isfinite(float(values["loss"])):
        raise NumericsError(
            f"{part}: the loss is no longer finite at step {step}: lower {part}.learning_rate or raise {part}.warmup, "
            f"and delete the folder {part} of out=... to restart the part"
        )


def _peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes: of the device, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return memory_peak()


def _report(
    log: MetricsLog,
    inputs: str,
    part: str,
    learner: Learner,
    cfg: Optimisation,
    values: dict[str, Tensor],
    device: torch.device,
) -> None:
    numbers = {name: float(value) for name, value in values.items()}
    speed = learner.step * cfg.batch / max(learner.seconds, 1e-9)
    log.add(
        "step",
        {
            **numbers,
            "learning_rate": learning_rate(learner.step - 1, cfg),
            "seconds": round(learner.seconds, 2),
            "examples_per_second": round(speed, 2),
            "peak_memory_bytes": _peak_memory(device),
            "device": device_name(device),
        },
        stage=part,
        hash=inputs,
        step=learner.step,
    )
    told = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    logger.info("%s: step %d of %d: %s; %.3g examples/s", part, learner.step, cfg.steps, told, speed)
    _check_finite(part, learner.step, values)
