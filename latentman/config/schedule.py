"""The group ``schedule``: the solver that takes the latents from one step to the next."""

from __future__ import annotations

from dataclasses import dataclass

from latentman.config.groups import at_least, settings_without
from latentman.errors import ConfigError, check_choice

SCHEDULES = ("ddim", "dpmpp", "unipc", "lcm", "flow")
"""DDIM; DPM-Solver++ and UniPC of second order; latent consistency models; Euler's steps of flow matching."""


@dataclass
class ScheduleConfig:
    """How the latents are taken from one step to the next, and in how many steps."""

    name: str = "ddim"
    steps: int | None = None
    """Denoising steps T, where ``num_inference_steps`` is null; null uses ``setup.steps`` of the sampler."""
    distilled: bool = False
    """For ``lcm``: whether a LoRA in ``setup.loras`` makes the weights a latent consistency model. A UNet that was
    distilled itself is recognised by its configuration."""

    def __post_init__(self) -> None:
        check_choice("schedule", self.name, SCHEDULES)
        if self.steps is not None:
            at_least("schedule.steps", self.steps, 1)
        if self.distilled and self.name != "lcm":
            raise ConfigError(
                f"schedule.distilled=true has no effect with schedule={self.name}: it is for schedule=lcm"
            )

    def check(self, *, eta: float, steps_offset: int | None, gradient: str | None) -> None:
        """Refuse settings that the schedule does not have.

        Args:
            eta: ``sampler.eta``.
            steps_offset: ``sampler.steps_offset``.
            gradient: ``pwg.gradient``; None where pixels are not guided.

        Raises:
            ConfigError: naming the setting.
        """
        if self.name == "ddim":
            return
        if eta > 0:
            raise ConfigError(
                f"sampler.eta={eta} is DDIM's, and has no effect with schedule={self.name}: set it to 0, or use "
                "schedule=ddim"
            )
        if steps_offset is not None:
            raise ConfigError(
                f"sampler.steps_offset={steps_offset} is DDIM's, and schedule={self.name} has timesteps of its own: "
                "set it to null, or use schedule=ddim; fidelity=paper and fidelity=official keep DDIM"
            )
        if self.name == "lcm" and gradient == "official_uncond":
            raise ConfigError(
                "pwg.gradient=official_uncond follows the unconditional prediction, which weights distilled for "
                "schedule=lcm do not have: use pwg.gradient=direct"
            )

    def results(self) -> list[object]:
        """Return the settings that the frames depend on; nothing for DDIM, whose other settings are the sampler's."""
        return [] if self.name == "ddim" else [settings_without(self, "steps")]
