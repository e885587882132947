"""The scheduler of a model: the noise levels that it was trained with, from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentman.errors import WeightsError
from latentman.files.opening import reason

_LATENT_DDIM = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
"""How Stable Diffusion's models are sampled, where their scheduler's configuration does not say."""


def build_scheduler(config: Mapping[str, Any], *, flow: bool) -> Any:
    """Return the scheduler of diffusers: of flow matching, or DDIM's.

    Raises:
        WeightsError: if the configuration describes none.
    """
    from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler

    cls = FlowMatchEulerDiscreteScheduler if flow else DDIMScheduler
    # The configuration of another scheduler lacks these values, and DDIM's own defaults are not for latents.
    settings = dict(config) if flow else _LATENT_DDIM | dict(config)
    try:
        return cls.from_config(settings)
    except Exception as error:  # a word in a number's place, an unknown kind of schedule, and others
        raise WeightsError(
            f"setup.model: scheduler/scheduler_config.json describes no scheduler: {reason(error)}; fetch it again"
        ) from error
