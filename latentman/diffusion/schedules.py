"""The choices of the group ``schedule``, and which of them suit the networks of a setup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from latentman.config import ScheduleConfig
from latentman.diffusion.consistency import build_lcm
from latentman.diffusion.multistep import build_dpmpp, build_unipc
from latentman.diffusion.schedule import Schedule, build_schedule
from latentman.errors import ConfigError
from latentman.networks.resolved import ResolvedSetup

MAX_DISTILLED_GUIDANCE = 2.0
"""Highest guidance_scale with a LoRA that was distilled for LCM: its predictions are guided already."""

_BUILDERS: Mapping[str, Callable[..., Schedule]] = MappingProxyType(
    {"dpmpp": build_dpmpp, "unipc": build_unipc, "lcm": build_lcm}
)


def choose_schedule(
    name: str, scheduler: Any, num_steps: int, *, seed: int, eta: float = 0.0, steps_offset: int | None = None
) -> Schedule:
    """Return the schedule of a run.

    Args:
        name: of the group ``schedule``.
        scheduler: the model's DDIM scheduler, which has its noise levels.
        num_steps: T.
        seed: of the noise that a step adds.
        eta: of DDIM alone.
        steps_offset: of DDIM alone; None leaves the scheduler's own.

    Raises:
        ConfigError: if there are fewer timesteps than steps.
    """
    if name == "ddim":
        return build_schedule(scheduler, num_steps, eta=eta, seed=seed, steps_offset=steps_offset)
    return _BUILDERS[name](scheduler, num_steps, seed=seed)


def reads_guidance(name: str, unet: Mapping[str, Any]) -> bool:
    """Return whether the UNet reads the guidance's scale as an input, so that one prediction is guided already."""
    return name == "lcm" and unet.get("time_cond_proj_dim") is not None


def check_schedule_early(schedule: ScheduleConfig, found: ResolvedSetup) -> None:
    """Refuse a schedule that does not suit a setup, before weights are loaded.

    A model that only the hub has is checked once it is loaded.

    Raises:
        ConfigError: as :func:`check_schedule`.
    """
    if schedule.name != "ddim" and found.model.path is not None:
        networks = found.model_architecture
        check_schedule(schedule, found.setup.guidance_scale, unet=networks.unet, scheduler=networks.scheduler)


def check_schedule(
    schedule: ScheduleConfig, guidance_scale: float, *, unet: Mapping[str, Any], scheduler: Mapping[str, Any]
) -> None:
    """Refuse a schedule that does not suit the networks.

    Args:
        schedule: the choice.
        guidance_scale: of the setup.
        unet: the configuration of the UNet.
        scheduler: the configuration of the model's scheduler.

    Raises:
        ConfigError: if the networks predict something else than the noise, or LCM meets weights that were not distilled
            for it, or distilled ones meet another solver or a strong guidance.
    """
    if schedule.name == "ddim":
        return
    predicted = scheduler.get("prediction_type", "epsilon")
    if predicted != "epsilon":
        raise ConfigError(
            f"schedule={schedule.name} needs networks that predict the noise (epsilon), and the unet of setup.model "
            f"predicts {predicted}, by its scheduler's configuration: use another model"
        )
    takes_guidance = unet.get("time_cond_proj_dim") is not None
    if schedule.name != "lcm":
        if takes_guidance:
            raise ConfigError(
                f"schedule={schedule.name} cannot sample the unet of setup.model, which was distilled for consistency "
                "(its configuration has time_cond_proj_dim): use schedule=lcm"
            )
        return
    if not takes_guidance and not schedule.distilled:
        raise ConfigError(
            "schedule=lcm takes every prediction for a finished picture, and the unet of setup.model was not distilled "
            "for that (its configuration has no time_cond_proj_dim): its pictures would lack detail. Use "
            "schedule=dpmpp or schedule=unipc; or add an LCM-LoRA in setup.loras and set schedule.distilled=true"
        )
    if not takes_guidance and guidance_scale > MAX_DISTILLED_GUIDANCE:
        raise ConfigError(
            f"setup.guidance_scale={guidance_scale} is too strong for schedule=lcm: weights that were distilled for "
            "it are guided already, and more oversaturates the picture; set it to a value from 1 to "
            f"{MAX_DISTILLED_GUIDANCE:g}"
        )
