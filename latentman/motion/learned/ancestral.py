"""Ancestral sampling of a network that predicts the clean motion (Ho et al. 2020, with MDM's cosine schedule).

Coefficients are float64; motions have the network's precision. Steps may be skipped ("respacing", Nichol and Dhariwal
2021): the betas are then those between the kept steps, and the network still receives the original step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentman.errors import ConfigError
from latentman.types import Array

MAX_BETA = 0.999
_OFFSET = 0.008

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""Noisy motion (N, ...) and the original steps (N,) to the predicted clean motion (N, ...)."""


def cosine_betas(num_steps: int) -> Array:
    """Return the betas (num_steps,) of the cosine schedule: abar(t) = cos^2((t/T + 0.008) / 1.008 * pi/2)."""

    def abar(t: float) -> float:
        return math.cos((t / num_steps + _OFFSET) / (1 + _OFFSET) * math.pi / 2) ** 2

    return np.array([min(1 - abar(i + 1) / abar(i), MAX_BETA) for i in range(num_steps)])


def check_steps(num_steps: int, num_train_steps: int) -> None:
    """Refuse more steps than the model was trained with.

    Raises:
        ConfigError: naming both numbers.
    """
    if num_steps > num_train_steps:
        raise ConfigError(
            f"motion.num_inference_steps={num_steps}: this model was trained with {num_train_steps} steps; use at "
            "most that many"
        )


def kept_steps(num_train_steps: int, num_inference_steps: int | None) -> Array:
    """Return the kept steps of the training schedule, ascending and evenly spaced, including both ends.

    Raises:
        ConfigError: if there are more steps than the model was trained with.
    """
    count = num_inference_steps or num_train_steps
    check_steps(count, num_train_steps)
    if count == 1:
        return np.array([num_train_steps - 1])
    return np.unique(np.round(np.linspace(0, num_train_steps - 1, count)).astype(int))


@dataclass(frozen=True)
class AncestralSampler:
    """The posterior q(x_{i-1} | x_i, x0) at each kept step; arrays (S,) are float64.

    ``timesteps`` are the original steps, ``abar`` the remaining signal, ``x0_weight`` and ``x_weight`` the coefficients
    of the mean, and ``variance`` that of the posterior, 0 at the last step (``sigma_small``).
    """

    timesteps: Array
    abar: Array
    x0_weight: Array
    x_weight: Array
    variance: Array

    @classmethod
    def make(cls, num_train_steps: int, num_inference_steps: int | None = None) -> AncestralSampler:
        """Return the sampler of the cosine schedule with this number of steps."""
        full = np.cumprod(1 - cosine_betas(num_train_steps))
        steps = kept_steps(num_train_steps, num_inference_steps)
        abar = full[steps]
        before = np.append(1.0, abar[:-1])
        beta = 1 - abar / before
        return cls(
            timesteps=steps,
            abar=abar,
            x0_weight=np.sqrt(before) * beta / (1 - abar),
            x_weight=(1 - before) * np.sqrt(1 - beta) / (1 - abar),
            variance=beta * (1 - before) / (1 - abar),
        )

    def __len__(self) -> int:
        return len(self.timesteps)

    def add_noise(self, clean: Tensor, index: Tensor, noise: Tensor) -> Tensor:
        """Return q(x_i | x0): motion (N, ...) with the noise of step ``index`` (N,)."""
        abar = torch.as_tensor(self.abar, dtype=torch.float64)[index.cpu()].to(clean).view(-1, *[1] * (clean.ndim - 1))
        return abar.sqrt() * clean + (1 - abar).sqrt() * noise

    def step(self, x: Tensor, x0: Tensor, index: int, generator: torch.Generator) -> Tensor:
        """Return x_{i-1} (N, ...) drawn from the posterior, with noise from a generator on the CPU."""
        mean = float(self.x0_weight[index]) * x0 + float(self.x_weight[index]) * x
        if index == 0:
            return mean
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device)
        return mean + math.sqrt(float(self.variance[index])) * noise

    def sample(
        self,
        denoise: Denoiser,
        shape: tuple[int, ...],
        generator: torch.Generator,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Return a motion (N, ...) of this shape, sampled from noise to the last step."""
        x = torch.randn(shape, generator=generator, dtype=dtype).to(device)
        for index in reversed(range(len(self))):
            steps = torch.full((shape[0],), int(self.timesteps[index]), device=device)
            x = self.step(x, denoise(x, steps), index, generator)
        return x


def guided(network: Callable[[Tensor, Tensor, Tensor], Tensor], text: Tensor, guidance_scale: float) -> Denoiser:
    """Return the denoiser u + s (c - u) of a text-conditioned network, both halves in one batch of 2N.

    Classifier-free guidance on the predicted x0 (Ho and Salimans 2022): the text (N, ...) is zero in the half u. With a
    scale of 1, only the half c is evaluated.
    """
    if guidance_scale == 1:
        return lambda x, steps: network(x, steps, text)
    both = torch.cat([text, torch.zeros_like(text)])

    def denoise(x: Tensor, steps: Tensor) -> Tensor:
        conditional, unconditional = network(torch.cat([x, x]), torch.cat([steps, steps]), both).chunk(2)
        return unconditional + guidance_scale * (conditional - unconditional)

    return denoise
