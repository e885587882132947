"""DPM-Solver++ (arXiv 2211.01095) and UniPC (arXiv 2302.04867), both of second order, as ``diffusers`` has them.

A multistep solver extrapolates from the x0 that earlier steps predicted. ``diffusers`` keeps these in the scheduler.
Here they are the history of a step, so that a step can be repeated in smaller chunks, saved and continued.

The timesteps are spaced evenly from the last training timestep down (``linspace``): step k of T begins at the share
1 - k / T of them, so that a window means the same part of the way at every T.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from latentman.diffusion.schedule import Back, History, Schedule, check_num_steps

ORDER = 2
"""Predictions of x0 that a step reads, its own included. Guided sampling is unstable at order 3."""

_SPACING = {
    "timestep_spacing": "linspace", "final_sigmas_type": "zero", "lower_order_final": True, "use_flow_sigmas": False,
    "use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False,
}  # fmt: skip
"""Set whatever the model's own configuration says, which may be of another scheduler."""

_DPMPP = {"algorithm_type": "dpmsolver++", "solver_type": "midpoint", "use_lu_lambdas": False, "euler_at_final": False}
_UNIPC = {"solver_type": "bh2", "predict_x0": True, "disable_corrector": [], "solver_p": None}


@dataclass(frozen=True)
class DpmSolver(Schedule):
    """DPM-Solver++(2M). Its history is the x0 that the step before predicted."""

    def step_back(self, noise_pred: Tensor, step: int, latents: Tensor, history: History = ()) -> Back:
        """Return the step as :meth:`Schedule.step_back`; of first order where there is no history, and at the end."""
        solver = _at(self.scheduler, step, history)
        before = solver.step(noise_pred, self.timesteps[step], latents).prev_sample
        x_0 = solver.model_outputs[-1]
        return Back(before, x_0, (x_0,))


@dataclass(frozen=True)
class UniPc(Schedule):
    """UniPC-2. Its history is the x_t of the step before, corrected, and the last one or two x0, the oldest first."""

    def step_back(self, noise_pred: Tensor, step: int, latents: Tensor, history: History = ()) -> Back:
        """Return the step as :meth:`Schedule.step_back`. With a history, x_t is corrected before it is stepped back."""
        solver = _at(self.scheduler, step, history[1:])
        if history:
            solver.last_sample, solver.this_order = history[0], len(history) - 1
        before = solver.step(noise_pred, self.timesteps[step], latents).prev_sample
        predicted = [x_0 for x_0 in solver.model_outputs if x_0 is not None]
        return Back(before, predicted[-1], (solver.last_sample, *predicted))

    def placed(self, device: torch.device) -> Schedule:
        """Return the same schedule whose noise levels are on a device; otherwise every step would copy them there."""
        solver = copy.copy(self.scheduler)
        solver.sigmas = solver.sigmas.to(device)
        return replace(self, scheduler=solver)

    def moved(self, history: History, step: int, subtracted: Tensor) -> History:
        """Return the history after x_{t-1} was changed, so that the next correction keeps the change.

        The corrector computes x_{t-1} again, as sigma_{t-1} / sigma_t times the x_t that it remembers, plus terms of
        the predicted x0. Without this, it would undo the guidance.
        """
        if step + 1 == len(self.timesteps):
            return history
        ratio = ((1 - self.alpha_cumprod(step)) / (1 - self.alpha_cumprod(step + 1))) ** 0.5
        return (history[0] - ratio * subtracted, *history[1:])


def build_dpmpp(scheduler: Any, num_steps: int, *, seed: int) -> Schedule:
    """Return DPM-Solver++ with the noise levels of a model's DDIM scheduler.

    Raises:
        ConfigError: if the model was trained with fewer timesteps.
    """
    from diffusers import DPMSolverMultistepScheduler

    solver = _build(DPMSolverMultistepScheduler, scheduler, num_steps, _DPMPP)
    return DpmSolver(solver, tuple(int(t) for t in solver.timesteps), 0.0, seed)


def build_unipc(scheduler: Any, num_steps: int, *, seed: int) -> Schedule:
    """Return UniPC with the noise levels of a model's DDIM scheduler.

    Raises:
        ConfigError: if the model was trained with fewer timesteps.
    """
    from diffusers import UniPCMultistepScheduler

    solver = _build(UniPCMultistepScheduler, scheduler, num_steps, _UNIPC)
    return UniPc(solver, tuple(int(t) for t in solver.timesteps), 0.0, seed)


def _build(cls: Any, scheduler: Any, num_steps: int, own: dict[str, Any]) -> Any:
    check_num_steps(scheduler, num_steps)
    solver = cls.from_config(scheduler.config, solver_order=ORDER, **_SPACING, **own)
    with warnings.catch_warnings():
        # NumPy 2 warns of the way in which diffusers copies a tensor into an array; the copy is the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        solver.set_timesteps(num_steps)
    return solver


def _at(scheduler: Any, step: int, predicted: History) -> Any:
    """Return a copy of a scheduler before a step, with these earlier predictions of x0, the oldest first."""
    solver = copy.copy(scheduler)
    solver.model_outputs = [None] * (ORDER - len(predicted)) + list(predicted)
    solver.timestep_list = [None] * ORDER
    solver.lower_order_nums = len(predicted)
    solver._step_index = step
    return solver
