"""Flow matching (arXiv 2210.02747, 2403.03206): the networks predict a velocity, and a step follows it.

``x_t = (1 - sigma) x_0 + sigma noise`` and ``v = noise - x_0``, so that ``x_0 = x_t - sigma v``. Steps are Euler's, as
the scheduler of ``diffusers`` takes them. Its noise levels are shifted towards more noise, by the model's own
configuration: the same share of the steps means another noise level than with DDIM. Windows are therefore brought over
by noise level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentman.diffusion.schedule import Back, History, Level, Schedule, check_num_steps
from latentman.errors import ConfigError

_BETAS = (0.00085, 0.012, 1000)
"""First and last beta and the training timesteps of Stable Diffusion, whose shares windows are meant in."""


@dataclass(frozen=True)
class FlowSchedule(Schedule):
    """Euler's steps along the velocity. ``sigmas`` has one entry more than there are steps, the last one 0."""

    sigmas: tuple[float, ...] = ()

    def level(self, step: int) -> Level:
        """Return how x0 follows from x_t and the velocity at a step."""
        return Level(1.0, self.sigmas[step])

    def step_back(self, noise_pred: Tensor, step: int, latents: Tensor, history: History = ()) -> Back:
        """Return the step as :meth:`Schedule.step_back`; ``noise_pred`` is the velocity. There is no history."""
        sigma = self.sigmas[step]
        before = latents + (self.sigmas[step + 1] - sigma) * noise_pred
        return Back(before, latents - sigma * noise_pred, ())

    def window(self, key: str, window: list[float]) -> range:
        """Return the steps in a window [start, end), at the noise levels that it has in Stable Diffusion's schedule.

        Args:
            key: of the window, for the message.
            window: shares of Stable Diffusion's schedule, 0 to 1.

        Raises:
            ConfigError: if no step is in it.
        """
        steps = [step for step, sigma in enumerate(self.sigmas[:-1]) if window[0] <= share_of(sigma) < window[1]]
        if not steps:
            levels = ", ".join(f"{share_of(sigma):.3f}" for sigma in self.sigmas[:-1])
            raise ConfigError(
                f"{key}={window} holds no step of a run with T={len(self.timesteps)}: by their noise levels the steps "
                f"of schedule=flow lie at the shares {levels}; widen it, or use more steps"
            )
        return range(steps[0], steps[-1] + 1)


def share_of(sigma: float) -> float:
    """Return the share of Stable Diffusion's schedule at which it has the noise level of ``sigma``, from 0 to 1.

    Noise levels are compared by the ratio of noise to signal: sigma / (1 - sigma), and sqrt((1 - abar) / abar). At
    share u of the way the training timestep is 1000 (1 - u) - 1. More noise than Stable Diffusion knows is share 0.
    """
    table = _log_ratios()
    if sigma <= 0:
        return 1.0
    ratio = math.inf if sigma >= 1 else math.log(sigma / (1 - sigma))
    timestep = float(np.interp(ratio, table, np.arange(len(table))))
    return 1 - (timestep + 1) / len(table)


@cache
def _log_ratios() -> NDArray[np.float64]:
    """Return the logarithm of noise to signal of every training timestep of Stable Diffusion, increasing."""
    first, last, count = _BETAS
    betas = np.linspace(first**0.5, last**0.5, count) ** 2
    abar = np.cumprod(1 - betas)
    ratios: NDArray[np.float64] = np.log((1 - abar) / abar) / 2
    return ratios


def build_flow(scheduler: Any, num_steps: int, *, seed: int, packed_tokens: int | None = None) -> FlowSchedule:
    """Set a model's flow-matching scheduler to ``num_steps`` steps.

    Args:
        scheduler: a ``FlowMatchEulerDiscreteScheduler`` with the model's shift.
        num_steps: T.
        seed: kept for the schedule's interface; Euler's steps add no noise.
        packed_tokens: image tokens of FLUX. Its noise levels are spaced from 1 to 1 / T and, in FLUX.1-dev, shifted the
            more, the more tokens there are. None for Stable Diffusion 3, whose scheduler has spacing and shift.

    Raises:
        ConfigError: if the model was trained with fewer timesteps.
    """
    check_num_steps(scheduler, num_steps)
    if packed_tokens is None:
        scheduler.set_timesteps(num_steps)
    else:
        moved = {"mu": _shift(scheduler.config, packed_tokens)} if scheduler.config.use_dynamic_shifting else {}
        scheduler.set_timesteps(num_steps, sigmas=np.linspace(1.0, 1 / num_steps, num_steps), **moved)
    sigmas = tuple(float(sigma) for sigma in scheduler.sigmas)
    return FlowSchedule(scheduler, tuple(float(t) for t in scheduler.timesteps), 0.0, seed, sigmas=sigmas)


def _shift(config: Any, tokens: int) -> float:
    """Return the logarithm of the shift: linear in the number of tokens between the configuration's two points."""
    share = (tokens - config.base_image_seq_len) / (config.max_image_seq_len - config.base_image_seq_len)
    return float(config.base_shift + share * (config.max_shift - config.base_shift))
