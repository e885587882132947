"""One training loop for every part: the autoencoder, the UNet, the ControlNet and the judges.

Whatever is random about a step follows from the seed, the part's name and the step's number alone. A training that was
cut off and goes on therefore ends, on a CPU, in the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import logging
import math
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from latentman.errors import DeviceMemoryError, NumericsError
from latentman.tracking.metrics_log import MetricsLog
from latentman.training.mini.average import average_of, decay_at, follow
from latentman.training.mini.checkpoint import Learner, restore, save
from latentman.training.mini.machine import Machine
from latentman.training.mini.pictures import write_png
from latentman.training.mini.settings import PartSettings
from latentman.types import Array

logger = logging.getLogger("latentman.training")

Advance = Callable[[int, int], None]
"""Is told (steps done, steps in all)."""

Batch = dict[str, Tensor]
"""Tensors whose first axis counts the examples."""


class Task(Protocol):
    """What a part learns, and from what. No network draws random numbers by itself: all of them are in the batch."""

    @property
    def name(self) -> str:
        """The part, and the name of its folder."""

    @property
    def settings(self) -> PartSettings:
        """How it learns."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides its outcome, by dotted key."""

    @property
    def networks(self) -> nn.ModuleDict:
        """What is learnt, on the device, in full precision."""

    @property
    def compiled(self) -> Sequence[nn.Module]:
        """The modules that ``torch.compile`` is worth its time for; frozen ones too."""

    def draw(self, generator: torch.Generator, number: int) -> Batch:
        """Return a batch of ``number`` examples with all that is random about them, on the generator's device."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return means over a batch, or over a piece of one; ``loss`` is the one to be made small."""

    def pictures(self, networks: nn.ModuleDict) -> Array | None:
        """Return a sheet (H, W, 3) uint8 that shows what averaged weights can do, or None."""


@dataclass(frozen=True)
class Outcome:
    """Where a training stands: ``average`` are the weights to keep; ``finished`` tells whether all steps are done."""

    finished: bool
    step: int
    seconds: float
    average: nn.ModuleDict


def train(task: Task, out: Path, machine: Machine, seed: int, advance: Advance = lambda done, total: None) -> Outcome:
    """Train a part in ``out/NAME`` until its steps are done or the machine's time is over.

    Args:
        task: what to learn.
        out: folder of the whole training.
        machine: what it runs on.
        seed: of every random draw.
        advance: is told of every step.

    Raises:
        ConfigError: if the folder holds a training with other settings.
        DeviceMemoryError: if the device's memory does not hold a single example.
        NumericsError: if the loss leaves the finite numbers.
        RecordError: if the state cannot be written.
        WeightsError: if the state cannot be read.
    """
    folder, settings = out / task.name, task.settings
    learner = begin(task, machine)
    if restore(folder, learner, task.identity):
        logger.info("%s goes on at step %d of %d", task.name, learner.step, settings.steps)
    if machine.compile and learner.step < settings.steps:
        for module in task.compiled:
            module.compile(dynamic=False)
    log, meter = MetricsLog.open(folder), _Meter(machine.device, learner.seconds)
    advance(learner.step, settings.steps)
    while learner.step < settings.steps:
        meter.add(take_step(learner, task, machine, seed), settings.batch)
        learner.seconds = meter.seconds
        last = learner.step == settings.steps
        if learner.step % settings.log_every == 0 or last:
            log.add("step", _figures(meter, learner, task), stage=task.name, step=learner.step)
        if learner.step % settings.save_every == 0 or last or machine.out_of_time:
            meter.check(learner.step, task, folder)
            save(folder, learner, task.identity)
        if learner.step % settings.picture_every == 0 or last:
            _show(learner, task, machine, folder)
        advance(learner.step, settings.steps)
        if machine.out_of_time:
            break
    finished = learner.step >= settings.steps
    if not finished:
        logger.info(
            "%s stopped in time at step %d of %d: the same command goes on", task.name, learner.step, settings.steps
        )
    return Outcome(finished, learner.step, learner.seconds, learner.average)


def begin(task: Task, machine: Machine) -> Learner:
    """Return a learner that has not learnt yet."""
    settings, networks = task.settings, task.networks
    optimizer = torch.optim.AdamW(
        networks.parameters(),
        settings.learning_rate,
        betas=(0.9, settings.beta2),
        weight_decay=settings.weight_decay,
        fused=machine.device.type == "cuda",
    )
    return Learner(networks.train(), average_of(networks), optimizer)


def take_step(learner: Learner, task: Task, machine: Machine, seed: int) -> dict[str, Tensor]:
    """Take one step of the optimiser and of the average; return the losses, on the device.

    A batch that the device's memory does not hold is taken in twice as many pieces, whose gradients add up to the same.

    Raises:
        DeviceMemoryError: if a single example is too much.
    """
    settings = task.settings
    for group in learner.optimizer.param_groups:
        group["lr"] = learning_rate(learner.step, settings)
    losses = None
    while losses is None:
        losses = _gradients(learner, task, machine, seed)
        if losses is None:
            _halve(learner, task)
    nn.utils.clip_grad_norm_(learner.networks.parameters(), settings.clip)
    learner.optimizer.step()
    learner.step += 1
    follow(learner.average, learner.networks, decay_at(learner.step, settings.ema))
    return losses


def _gradients(learner: Learner, task: Task, machine: Machine, seed: int) -> dict[str, Tensor] | None:
    """Leave the gradients of a batch in the networks and return its losses; None if memory ran out."""
    learner.optimizer.zero_grad(set_to_none=True)
    total: dict[str, Tensor] = {}
    size = task.settings.batch
    try:
        batch = task.draw(step_generator(machine.device, seed, task.name, learner.step), size)
        for piece in _pieces(batch, learner.pieces):
            share = len(next(iter(piece.values()))) / size
            with machine.autocast():
                losses = task.losses(piece)
            (share * losses["loss"]).backward()
            for name, value in losses.items():
                total[name] = total.get(name, 0) + share * value.detach()
    except torch.OutOfMemoryError:
        return None
    return total


def _pieces(batch: Batch, number: int) -> list[Batch]:
    """Return a batch in pieces of nearly equal size, as many as asked for or as it has examples."""
    cut = {name: value.tensor_split(min(number, len(value))) for name, value in batch.items()}
    return [dict(zip(cut, values, strict=True)) for values in zip(*cut.values(), strict=True)]


def _halve(learner: Learner, task: Task) -> None:
    learner.optimizer.zero_grad(set_to_none=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if learner.pieces >= task.settings.batch:
        raise DeviceMemoryError(
            f"the device's memory does not hold a single example of {task.name}: free the device of other work, or "
            "make size or the networks smaller"
        )
    learner.pieces *= 2
    logger.warning(
        "%s: the device's memory does not hold the batch of %d; it is taken in %d pieces from now on, with the same "
        "outcome in more time",
        task.name,
        task.settings.batch,
        min(learner.pieces, task.settings.batch),
    )


def step_generator(device: torch.device, seed: int, part: str, step: int) -> torch.Generator:
    """Return the random numbers of a step: the same for the same seed, part and step."""
    digest = hashlib.sha256(f"{seed}/{part}/{step}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "big"))


def learning_rate(step: int, settings: PartSettings) -> float:
    """Return the rate of a step, counted from 0: a linear warm-up, then a cosine down to ``last_rate`` of the highest."""
    warm = min(1.0, (step + 1) / max(settings.warmup, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(settings.steps - 1, 1))))
    return settings.learning_rate * warm * (settings.last_rate + (1 - settings.last_rate) * cosine)


def _show(learner: Learner, task: Task, machine: Machine, folder: Path) -> None:
    with torch.no_grad(), machine.autocast():
        sheet = task.pictures(learner.average) if task.settings.pictures else None
    if sheet is not None:
        write_png(folder / "pictures" / f"step_{learner.step:06d}.png", sheet)


class _Meter:
    """What happened since the last line of the log: losses are read from the device only when a line is written."""

    def __init__(self, device: torch.device, before: float) -> None:
        self._device, self._before, self._started = device, before, time.monotonic()
        self._sums: dict[str, Tensor] = {}
        self._steps = self._examples = 0
        self._since = self._started
        self._latest: Tensor | None = None

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def add(self, losses: Mapping[str, Tensor], examples: int) -> None:
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0) + value
        self._steps, self._examples, self._latest = self._steps + 1, self._examples + examples, losses["loss"]

    def means(self) -> dict[str, float]:
        """Return the means since the last call, and how fast it went."""
        means = {name: value.item() / self._steps for name, value in self._sums.items()}
        now = time.monotonic()
        rate = self._examples / max(now - self._since, 1e-9)
        self._sums, self._steps, self._examples, self._since = {}, 0, 0, now
        return {**means, "examples_per_second": round(rate, 2), "memory": float(_memory(self._device))}

    def check(self, step: int, task: Task, folder: Path) -> None:
        """Refuse to save what is no longer finite.

        Raises:
            NumericsError: saying what to do.
        """
        if self._latest is not None and not torch.isfinite(self._latest):
            raise NumericsError(
                f"{task.name}: the loss is not finite at step {step}, learning_rate={task.settings.learning_rate}. The "
                f"state in {folder}, if there is one, is from before: delete {folder} and start anew with a lower "
                f"{task.name}.learning_rate or a longer {task.name}.warmup"
            )


def _figures(meter: _Meter, learner: Learner, task: Task) -> dict[str, float]:
    figures = meter.means()
    rate = learning_rate(learner.step - 1, task.settings)
    logger.info("%s step %d: loss %.4f", task.name, learner.step, figures["loss"])
    return {**figures, "learning_rate": rate, "seconds": round(learner.seconds, 2)}


def _memory(device: torch.device) -> int:
    """Return the most memory in use so far, in bytes: the device's, or this process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # macOS counts in bytes, the others in KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
