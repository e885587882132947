"""What ``sampler=animatediff``, a trained model with a loop of its own, can be combined with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentman.errors import ConfigError

if TYPE_CHECKING:
    from latentman.config.schema import Config


def check_animatediff(config: Config) -> None:
    """Refuse settings that the trained model does not have; nothing for other samplers.

    Raises:
        ConfigError: naming the first of them.
    """
    if not config.sampler.is_animatediff:
        return
    acting = {"sla": config.sla, "pwg": config.pwg, "background": config.background}
    on = [*(name for name, group in acting.items() if group.enabled), *config.family.enabled]
    if on:
        raise ConfigError(
            f"sampler=animatediff is a trained model with layers along time, and {on[0]} acts inside the training-free "
            "samplers: use method=animatediff, which turns all of them off"
        )
    if config.conditioner.name not in ("controlnet", "multi_controlnet"):
        raise ConfigError(
            f"sampler=animatediff takes its pictures through ControlNets, got conditioner={config.conditioner.name}: "
            "use conditioner=controlnet"
        )
    if config.setup.ip_adapter.image is not None:
        raise ConfigError("sampler=animatediff cannot follow a picture: remove setup.ip_adapter.image")
    if config.schedule.name != "ddim" or config.sampler.eta > 0:
        raise ConfigError(
            f"sampler=animatediff is sampled as it was trained, with DDIM and without added noise, got "
            f"schedule={config.schedule.name}, sampler.eta={config.sampler.eta}: leave both at their defaults"
        )
