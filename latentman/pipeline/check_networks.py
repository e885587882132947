"""What is wrong with the networks of a run, before its first stage: a run, the API and `assets check` all ask here."""

from __future__ import annotations

from latentman.config import Config
from latentman.diffusion.schedules import check_negative, check_schedule_early
from latentman.networks.motion_adapter import check_motion_adapter
from latentman.networks.resolved import ResolvedSetup, check_setup


def check_networks(config: Config) -> ResolvedSetup:
    """Resolve the setup of a run, and check that its networks are there and suit each other, schedule and sampler.

    Raises:
        WeightsError: if a file is missing or damaged, or networks do not fit.
        ConfigError: if sizes, schedule or sampler do not suit them.
        DataError: if the picture of an IP-Adapter cannot be read.
    """
    found = check_setup(config.setup_in_use, config.conditioner)
    check_schedule_early(config.schedule, found)
    if found.model.path is not None:
        check_negative(config.text.negative, found.model_architecture.unet)
    check_motion_adapter(config.sampler, found, config.num_frames)
    return found
