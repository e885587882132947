"""The choices of the group ``schedule``, and which of them suit the networks of a setup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from latentman.config import ScheduleConfig
from latentman.diffusion.consistency import build_lcm
from latentman.diffusion.flow import build_flow
from latentman.diffusion.multistep import build_dpmpp, build_unipc
from latentman.diffusion.schedule import Schedule, build_schedule
from latentman.errors import ConfigError
from latentman.networks.families import is_flux, predicts_velocity, reads_guidance_scale
from latentman.networks.resolved import ResolvedSetup

MAX_DISTILLED_GUIDANCE = 2.0
"""Highest guidance_scale with a LoRA that was distilled for LCM: its predictions are guided already."""

_BUILDERS: Mapping[str, Callable[..., Schedule]] = MappingProxyType(
    {"dpmpp": build_dpmpp, "unipc": build_unipc, "lcm": build_lcm}
)


def choose_schedule(
    name: str,
    scheduler: Any,
    num_steps: int,
    *,
    seed: int,
    eta: float = 0.0,
    steps_offset: int | None = None,
    packed_tokens: int | None = None,
) -> Schedule:
    """Return the schedule of a run.

    Args:
        name: of the group ``schedule``.
        scheduler: the model's own scheduler, which has its noise levels.
        num_steps: T.
        seed: of the noise that a step adds.
        eta: of DDIM alone.
        steps_offset: of DDIM alone; None leaves the scheduler's own.
        packed_tokens: of flow matching alone: image tokens of FLUX, whose schedule depends on them; None for others.

    Raises:
        ConfigError: if there are fewer timesteps than steps.
    """
    if name == "flow":
        return build_flow(scheduler, num_steps, seed=seed, packed_tokens=packed_tokens)
    if name == "ddim":
        return build_schedule(scheduler, num_steps, eta=eta, seed=seed, steps_offset=steps_offset)
    return _BUILDERS[name](scheduler, num_steps, seed=seed)


def reads_guidance(name: str, unet: Mapping[str, Any]) -> bool:
    """Return whether the network reads the guidance's scale as an input, so that one prediction is guided already."""
    return (name == "lcm" and unet.get("time_cond_proj_dim") is not None) or reads_guidance_scale(unet)


def check_schedule_early(schedule: ScheduleConfig, found: ResolvedSetup) -> None:
    """Refuse a schedule that does not suit a setup, before weights are loaded.

    A model that only the hub has is checked once it is loaded.

    Raises:
        ConfigError: as :func:`check_schedule`.
    """
    if found.model.path is not None:
        networks = found.model_architecture
        check_schedule(schedule, found.setup.guidance_scale, unet=networks.unet, scheduler=networks.scheduler)


def check_negative(negative: str, network: Mapping[str, Any]) -> None:
    """Refuse a negative prompt that a model does not read.

    Raises:
        ConfigError: if FLUX.1 is given one.
    """
    if negative and is_flux(network):
        raise ConfigError(
            f"text.negative='{negative}' is not read: FLUX.1 was distilled for guidance and has no unconditional "
            "prediction; set text.negative=''"
        )


def _check_kind(schedule: ScheduleConfig, guidance_scale: float, *, network: Mapping[str, Any]) -> None:
    """Refuse flow matching for a UNet, any other schedule for a transformer, and guidance that a model cannot take."""
    is_joint = predicts_velocity(network)
    if is_joint != (schedule.name == "flow"):
        what = "is a transformer that predicts a velocity" if is_joint else "has a UNet that predicts the noise"
        use = "flow, as setup=sd35 and setup=flux do; fidelity=paper and fidelity=official keep DDIM"
        raise ConfigError(
            f"schedule={schedule.name} does not suit setup.model, which {what}: use schedule="
            f"{use if is_joint else 'ddim'}"
        )
    if is_flux(network) and not reads_guidance_scale(network) and guidance_scale != 1:
        raise ConfigError(
            f"setup.guidance_scale={guidance_scale}: this model was distilled to be sampled without guidance, as "
            "FLUX.1-schnell, and its configuration has no input for a scale; set it to 1"
        )


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
    _check_kind(schedule, guidance_scale, network=unet)
    if schedule.name in ("ddim", "flow"):
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
