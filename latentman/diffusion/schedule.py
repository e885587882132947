"""DDIM: the timesteps of a run and one step back in time. Latents and schedule are fp32 whatever the networks are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentman.errors import ConfigError


@dataclass(frozen=True)
class Schedule:
    """A DDIM scheduler set to a number of steps."""

    scheduler: Any
    timesteps: tuple[int, ...]
    eta: float
    seed: int

    def alpha_cumprod(self, step: int) -> float:
        """Return abar_t of a step."""
        return float(self.scheduler.alphas_cumprod[self.timesteps[step]])

    def step_back(self, noise_pred: Tensor, step: int, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return (x_{t-1}, predicted x0), both of the shape of ``latents`` (T, C, h, w).

        With eta > 0 the added noise is the same for every frame, as x_T is, and depends only on the seed and the
        step, so that an interrupted run continues with the same noise.
        """
        noise = None
        if self.eta > 0:
            shape = (1, *latents.shape[1:])
            noise = seeded_noise(shape, self.seed, stream=1 + step).to(latents).expand_as(latents)
        result = self.scheduler.step(noise_pred, self.timesteps[step], latents, eta=self.eta, variance_noise=noise)
        return result.prev_sample, result.pred_original_sample


def build_schedule(
    scheduler: Any, num_steps: int, *, eta: float, seed: int, steps_offset: int | None = None
) -> Schedule:
    """Set the scheduler to ``num_steps`` steps; ``steps_offset`` None leaves the scheduler's own.

    Raises:
        ConfigError: if the scheduler was trained with fewer timesteps.
    """
    trained = scheduler.config.num_train_timesteps
    if num_steps > trained:
        raise ConfigError(
            f"num_inference_steps={num_steps} is more than the {trained} timesteps the model was trained with"
        )
    if steps_offset is not None:
        scheduler = type(scheduler).from_config(scheduler.config, steps_offset=steps_offset)
    scheduler.set_timesteps(num_steps)
    return Schedule(scheduler, tuple(int(t) for t in scheduler.timesteps), eta, seed)


def seeded_noise(shape: tuple[int, ...], seed: int, *, stream: int) -> Tensor:
    """Return standard normal noise that depends only on the seed and the stream; it is always drawn on the CPU.

    Stream 0 is the plain generator of that seed, as the field uses it for x_T.
    """
    # torch's CPU generator uses only 32 bits of its seed, so seed and stream are hashed together rather than
    # packed.
    if stream:
        seed = int.from_bytes(hashlib.sha256(f"{seed}/{stream}".encode()).digest()[:4], "little")
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
