"""Latent consistency models (arXiv 2310.04378): every prediction is a finished picture, noised again for the next step.

Only networks that were distilled for it predict one from any x_t; :mod:`latentman.diffusion.schedules` refuses others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from latentman.diffusion.schedule import Back, History, Schedule
from latentman.errors import ConfigError


@dataclass(frozen=True)
class Consistency(Schedule):
    """The multistep sampling of a latent consistency model. It has no history."""

    def step_back(self, noise_pred: Tensor, step: int, latents: Tensor, history: History = ()) -> Back:
        """Return the step as :meth:`Schedule.step_back`; the last one adds no noise."""
        # diffusers' own step draws its noise from a generator, another for each frame of the batch.
        abar = self.alpha_cumprod(step)
        x_0 = (latents - (1 - abar) ** 0.5 * noise_pred) / abar**0.5
        skip, out = self.scheduler.get_scalings_for_boundary_condition_discrete(self.timesteps[step])
        clean = out * x_0 + skip * latents
        if step + 1 == len(self.timesteps):
            return Back(clean, x_0, ())
        abar = self.alpha_cumprod(step + 1)
        return Back(abar**0.5 * clean + (1 - abar) ** 0.5 * self.added_noise(step, latents), x_0, ())


def build_lcm(scheduler: Any, num_steps: int, *, seed: int) -> Schedule:
    """Return the schedule of a consistency model with the noise levels of a model's DDIM scheduler.

    Raises:
        ConfigError: if the weights were distilled with fewer timesteps.
    """
    from diffusers import LCMScheduler

    solver = LCMScheduler.from_config(scheduler.config)
    distilled = solver.config.original_inference_steps
    if num_steps > distilled:
        raise ConfigError(
            f"num_inference_steps={num_steps} is more than the {distilled} timesteps that weights are distilled "
            "with for schedule=lcm: set it to between 4 and 8"
        )
    solver.set_timesteps(num_steps)
    return Consistency(solver, tuple(int(t) for t in solver.timesteps), 0.0, seed)
