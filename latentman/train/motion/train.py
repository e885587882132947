"""Training of a small MDM together with its own text encoder (``latentman train motion``).

The recipe is MDM's (x0 prediction, squared error, condition dropout, moving average of the weights) with additions for
a small corpus: the text encoder first learns to distinguish the categories, a large share of each batch is drawn at
high noise, where only the text determines the motion, and frame-to-frame changes have their own loss. Without the first
two, a small model ignores its text.
"""

from __future__ import annotations

import copy
import csv
import logging
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from latentman.motion.humanml3d import CONTACTS, NUM_FEATURES, RIC, ROOT, ROTATIONS
from latentman.motion.learned.ancestral import AncestralSampler
from latentman.motion.learned.mdm import MDM, MDMConfig
from latentman.motion.learned.mini_text import MiniTextConfig, MiniTextEncoder
from latentman.system.device import pick_device
from latentman.train.motion.checkpoint import export, restore, save
from latentman.train.motion.data import Batch, MotionData, mirrored, procedural_clips, read_folder
from latentman.train.motion.learner import Learner
from latentman.train.motion.settings import MotionTraining

logger = logging.getLogger("latentman.train")

_EMBED_SCALE = 2.0
"""Initial strength of the text, relative to the time embedding."""


def train(settings: MotionTraining) -> Path | None:
    """Train until ``steps`` are done or ``minutes`` have passed; return the finished model's folder, or None.

    Raises:
        ConfigError: for a missing device, or a checkpoint of another size.
        DataError: if the data folder cannot be used.
    """
    device = str(pick_device(settings.device, kinds=("cuda", "cpu"), advice="set device=cpu"))
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    data = load_data(settings)
    out = Path(settings.out).expanduser()
    learner = begin(settings, data, device)
    if not restore(out, learner, settings):
        teach_text(learner, data, settings)
    started, sampler = time.monotonic(), AncestralSampler.make(settings.diffusion_steps)
    log = TrainingLog(out / "log.csv")
    while learner.step < settings.steps:
        row = train_step(learner, data, sampler, settings)
        if learner.step % settings.log_every == 0:
            log.write(learner.step, {**row, **text_check(learner, data, sampler, settings)})
        out_of_time = settings.minutes is not None and time.monotonic() - started > 60 * settings.minutes
        if learner.step % settings.save_every == 0 or learner.step == settings.steps or out_of_time:
            save(out, learner, settings)
        if out_of_time and learner.step < settings.steps:
            logger.info(
                "stopped after %s minutes at step %d; run the same command to continue", settings.minutes, learner.step
            )
            return None
    return export(out, learner, data.statistics, settings)


def load_data(settings: MotionTraining) -> MotionData:
    """Return the folder's clips with their mirror images, and procedural clips."""
    only_procedural = settings.data == "procedural"
    recorded = [] if only_procedural else read_folder(Path(settings.data).expanduser())
    recorded = [*recorded, *map(mirrored, recorded)]
    made = procedural_clips(settings.procedural_clips, round(1.4 * settings.frames), settings.seed)
    share = 1.0 if only_procedural else settings.procedural_share
    return MotionData(recorded, made, procedural_share=share, balance=settings.balance)


def begin(settings: MotionTraining, data: MotionData, device: str) -> Learner:
    """Return new networks of the configured size, initialised from the seed."""
    torch.manual_seed(settings.seed)
    config = MDMConfig(
        latent_dim=settings.latent_dim,
        layers=settings.layers,
        ff_size=settings.ff_size,
        num_heads=settings.num_heads,
        diffusion_steps=settings.diffusion_steps,
        mask_frames=True,
    )
    text = MiniTextEncoder(data.vocabulary(), MiniTextConfig()).to(device)
    model = MDM(config).to(device)
    nn.init.normal_(model.embed_text.weight, 0.0, _EMBED_SCALE / math.sqrt(config.text_dim))
    learnt = [*model.parameters(), *text.parameters()]
    return Learner(
        model=model,
        text=text,
        model_average=copy.deepcopy(model).requires_grad_(False),
        text_average=copy.deepcopy(text).requires_grad_(False),
        optimizer=torch.optim.AdamW(learnt, settings.learning_rate, weight_decay=settings.weight_decay),
        generator=torch.Generator().manual_seed(settings.seed),
        rng=np.random.default_rng(settings.seed),
    )


def teach_text(learner: Learner, data: MotionData, settings: MotionTraining) -> float:
    """Train the text encoder to classify the category of a caption; return the last loss."""
    device = learner.text.word.weight.device
    head = nn.Linear(learner.text.config.out, len(data.categories)).to(device)
    optimizer = torch.optim.AdamW([*learner.text.parameters(), *head.parameters()], 1e-3)
    loss = torch.zeros(())
    for _ in range(settings.text_steps):
        batch = data.draw(learner.rng, 64, settings.frames)
        features = encode(learner, batch, settings)
        loss = nn.functional.cross_entropy(head(features), torch.from_numpy(batch.categories).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    learner.text_average.load_state_dict(learner.text.state_dict())
    logger.info("text encoder: loss %.2f when classifying %d categories", loss.item(), len(data.categories))
    return loss.item()


def encode(learner: Learner, batch: Batch, settings: MotionTraining) -> Tensor:
    """Return text features (N, D), with some words hidden so that their letters are learned too."""
    shape = (len(batch.captions), learner.text.config.max_words)
    hide = torch.rand(shape, generator=learner.generator) < settings.word_drop
    features: Tensor = learner.text(*learner.text.tokenize(batch.captions, hide))
    return features


def train_step(
    learner: Learner, data: MotionData, sampler: AncestralSampler, settings: MotionTraining
) -> dict[str, float]:
    """Perform one step of the optimiser and the averages; return the losses."""
    device = learner.model.embed_text.weight.device
    rate = learning_rate(learner.step, settings)
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    batch = data.draw(learner.rng, settings.batch, settings.frames)
    clean, lengths = to_tensors(batch, device)
    text = encode(learner, batch, settings)
    keep = torch.rand(len(text), 1, generator=learner.generator) >= settings.condition_drop
    index = draw_steps(settings, learner.generator).to(device)
    noisy = sampler.add_noise(clean, index, torch.randn(clean.shape, generator=learner.generator).to(device))
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
        predicted = learner.model(noisy, index, text * keep.to(device), lengths)
    error, change = losses(predicted.float(), clean, lengths)
    learner.optimizer.zero_grad(set_to_none=True)
    (error + settings.velocity_weight * change).backward()
    nn.utils.clip_grad_norm_([*learner.model.parameters(), *learner.text.parameters()], 1.0)
    learner.optimizer.step()
    learner.step += 1
    average(learner, min(settings.ema, (1 + learner.step) / (10 + learner.step)))
    return {"loss": error.item(), "change": change.item(), "rate": rate}


def learning_rate(step: int, settings: MotionTraining) -> float:
    """Return the rate of a step: a linear warm-up, then a cosine decay to 1/50."""
    warm = min(1.0, (step + 1) / max(settings.warmup, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps)))
    return settings.learning_rate * warm * (0.02 + 0.98 * cosine)


def draw_steps(settings: MotionTraining, generator: torch.Generator) -> Tensor:
    """Return diffusion steps (N,), a share of them from the noisiest fifth."""
    total, size = settings.diffusion_steps, settings.batch
    anywhere = torch.randint(0, total, (size,), generator=generator)
    noisy = total - 1 - torch.randint(0, total // 5, (size,), generator=generator)
    return torch.where(torch.rand(size, generator=generator) < settings.high_noise_share, noisy, anywhere)


def to_tensors(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return motion (N, 263, 1, T) and lengths (N,)."""
    motion = torch.from_numpy(batch.motion).permute(0, 2, 1)[:, :, None]
    return motion.to(device), torch.from_numpy(batch.lengths).to(device)


def feature_weights() -> Tensor:
    """Return the weight (263,) of each feature's error, 1 on average: large for the root, small for unused features."""
    weights = torch.ones(NUM_FEATURES)
    weights[ROOT], weights[RIC], weights[ROTATIONS], weights[CONTACTS] = 8.0, 1.5, 0.15, 0.5
    return weights / weights.mean()


def losses(predicted: Tensor, clean: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared error of x0 and of its frame-to-frame change, over the valid frames."""
    there = (torch.arange(clean.shape[-1], device=clean.device)[None] < lengths[:, None]).float()[:, None, None]
    error = predicted - clean
    weights = feature_weights().to(clean.device)[None, :, None, None]
    plain = (weights * error**2 * there).sum() / (there.sum() * NUM_FEATURES)
    change = (error[..., 1:] - error[..., :-1])[:, RIC]
    return plain, (change**2 * there[..., 1:]).sum() / (there[..., 1:].sum() * change.shape[1])


def average(learner: Learner, decay: float) -> None:
    """Update the averages towards the weights."""
    with torch.no_grad():
        torch._foreach_lerp_(
            [*learner.model_average.parameters(), *learner.text_average.parameters()],
            [*learner.model.parameters(), *learner.text.parameters()],
            1 - decay,
        )


@torch.no_grad()
def text_check(
    learner: Learner, data: MotionData, sampler: AncestralSampler, settings: MotionTraining
) -> dict[str, float]:
    """Return the averaged model's joint error near pure noise, with the right, no and a wrong caption.

    A model that uses its text has the smallest error with the right caption and the largest with a wrong one. Clips and
    noise are the same every time.
    """
    device = learner.model.embed_text.weight.device
    batch = data.draw(np.random.default_rng(settings.seed + 1), 64, settings.frames)
    clean, lengths = to_tensors(batch, device)
    index = torch.full((len(clean),), settings.diffusion_steps - 2, device=device)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(settings.seed + 1)).to(device)
    noisy = sampler.add_noise(clean, index, noise)
    right = learner.text_average.encode(batch.captions)
    wrong = right[torch.from_numpy(_of_other_category(batch.categories)).to(device)]
    there = (torch.arange(clean.shape[-1], device=device)[None] < lengths[:, None]).float()[:, None, None]
    errors = {}
    for name, text in (("right", right), ("none", torch.zeros_like(right)), ("wrong", wrong)):
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            predicted = learner.model_average(noisy, index, text, lengths)
        squared = ((predicted.float() - clean)[:, : RIC.stop] ** 2 * there).sum()
        errors[name] = (squared / there.sum() / RIC.stop).item()
    return errors


def _of_other_category(categories: np.ndarray) -> np.ndarray:
    """Return for each clip the next one of another category."""
    count = len(categories)
    for_each = np.arange(count)
    for row in range(count):
        ahead = (row + np.arange(1, count)) % count
        other = ahead[categories[ahead] != categories[row]]
        for_each[row] = other[0] if len(other) else row
    return for_each


class TrainingLog:
    """Periodic log lines, in ``log.csv`` and on the terminal."""

    columns = ("step", "seconds", "loss", "change", "right", "none", "wrong", "rate")

    def __init__(self, path: Path) -> None:
        self.path, self.started = path, time.monotonic()

    def write(self, step: int, figures: dict[str, float]) -> None:
        """Append a line; ``seconds`` counts from the start of this session."""
        row = {"step": step, "seconds": round(time.monotonic() - self.started), **figures}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns)
            if new:
                writer.writeheader()
            writer.writerow(
                {key: f"{row[key]:.5g}" if isinstance(row[key], float) else row[key] for key in self.columns}
            )
        logger.info(
            "step %d: loss %.3f, change %.4f; near pure noise with the right caption %.3f, none %.3f, a wrong one %.3f",
            step, row["loss"], row["change"], row["right"], row["none"], row["wrong"],
        )  # fmt: skip
