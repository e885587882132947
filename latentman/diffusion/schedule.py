"""The timesteps of a run and one step back in time. Latents and schedule are fp32 whatever the networks are.

DDIM (Song et al., ICLR 2021) is here, ``multistep.py`` has DPM-Solver++ and UniPC, ``consistency.py`` has LCM,
``flow.py`` the Euler steps of flow matching.
:mod:`latentman.diffusion.schedules` chooses among them. A schedule keeps nothing between steps: what a solver remembers
of earlier ones is its *history*, an argument and a result of a step.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from latentman.errors import ConfigError

History = tuple[Tensor, ...]
"""What a solver remembers of earlier steps, each (T, C, h, w) in fp32, cell for cell like the latents."""


class Back(NamedTuple):
    """The result of a step: ``x_before`` is x_{t-1}, ``x_0`` the predicted clean latents, both (T, C, h, w)."""

    x_before: Tensor
    x_0: Tensor
    history: History


@dataclass(frozen=True)
class Level:
    """How x0 follows from x_t and what the networks predict: ``x_0 = x_t / signal - ratio * prediction``."""

    signal: float
    ratio: float

    @classmethod
    def of_noise(cls, alpha_cumprod: float) -> Level:
        """Return the level of abar_t where the networks predict the noise."""
        return cls(alpha_cumprod**0.5, ((1 - alpha_cumprod) / alpha_cumprod) ** 0.5)


@dataclass(frozen=True)
class Schedule:
    """A DDIM scheduler set to a number of steps. The other schedules replace :meth:`step_back`."""

    scheduler: Any
    timesteps: tuple[Any, ...]
    """Of training, whole numbers; those of flow matching need not be whole."""
    eta: float
    seed: int

    def alpha_cumprod(self, step: int) -> float:
        """Return abar_t of a step."""
        return float(self.scheduler.alphas_cumprod[self.timesteps[step]])

    def level(self, step: int) -> Level:
        """Return how x0 follows from x_t at a step."""
        return Level.of_noise(self.alpha_cumprod(step))

    def step_back(self, noise_pred: Tensor, step: int, latents: Tensor, history: History = ()) -> Back:
        """Return x_{t-1} and the predicted x0 of ``latents`` (T, C, h, w), and what the next step needs to know.

        Noise that a step adds is the same for every frame, as x_T is, and depends only on the seed and the step, so
        that an interrupted run continues with the same noise.

        Args:
            noise_pred: the noise as predicted from ``latents``.
            step: the index of the step, from 0.
            latents: x_t.
            history: from the step before; empty at the first step, or to begin again here. DDIM has none.
        """
        noise = self.added_noise(step, latents) if self.eta > 0 else None
        result = self.scheduler.step(noise_pred, self.timesteps[step], latents, eta=self.eta, variance_noise=noise)
        return Back(result.prev_sample, result.pred_original_sample, ())

    def moved(self, history: History, step: int, subtracted: Tensor) -> History:
        """Return the history of a step after ``subtracted`` (T, C, h, w) was subtracted from its x_{t-1}."""
        return history

    def placed(self, device: torch.device) -> Schedule:
        """Return the same schedule with what its steps read on a device."""
        return self

    def added_noise(self, step: int, latents: Tensor) -> Tensor:
        """Return the standard normal noise of a step, one picture for all frames."""
        shape = (1, *latents.shape[1:])
        return seeded_noise(shape, self.seed, stream=1 + step).to(latents).expand_as(latents)


def build_schedule(
    scheduler: Any, num_steps: int, *, eta: float, seed: int, steps_offset: int | None = None
) -> Schedule:
    """Set a DDIM scheduler to ``num_steps`` steps; ``steps_offset`` None leaves the scheduler's own.

    Raises:
        ConfigError: if the scheduler was trained with fewer timesteps.
    """
    check_num_steps(scheduler, num_steps)
    if steps_offset is not None:
        scheduler = type(scheduler).from_config(scheduler.config, steps_offset=steps_offset)
    scheduler.set_timesteps(num_steps)
    return Schedule(scheduler, tuple(int(t) for t in scheduler.timesteps), eta, seed)


def check_num_steps(scheduler: Any, num_steps: int) -> None:
    """Refuse more steps than there are timesteps.

    Raises:
        ConfigError: naming both numbers.
    """
    trained = scheduler.config.num_train_timesteps
    if num_steps > trained:
        raise ConfigError(
            f"num_inference_steps={num_steps} is more than the {trained} timesteps the model was trained with"
        )


def seeded_noise(shape: tuple[int, ...], seed: int, *, stream: int) -> Tensor:
    """Return standard normal noise that depends only on the seed and the stream; it is always drawn on the CPU.

    Stream 0 is the plain generator of that seed, as the field uses it for x_T.
    """
    # torch's CPU generator uses only 32 bits of its seed, so seed and stream are hashed together rather than
    # packed.
    if stream:
        seed = int.from_bytes(hashlib.sha256(f"{seed}/{stream}".encode()).digest()[:4], "little")
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
