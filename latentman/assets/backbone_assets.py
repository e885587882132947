"""What a setup and a conditioner need: networks, LoRAs, an IP-Adapter and its picture. Reads headers only.

The parts are found and checked by the functions that a run uses, so that both give the same verdict and messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from latentman.assets.finding import MISSING, PRESENT, Finding, size_of
from latentman.assets.hub import hub_finding
from latentman.errors import LatentManError

if TYPE_CHECKING:
    from latentman.config import Config
    from latentman.networks.resolved import Part


def backbone_findings(config: Config) -> Iterator[Finding]:
    """Yield a finding for every network and picture that the run's frames are made with."""
    from latentman.networks.resolved import list_parts

    for part in list_parts(config.setup_in_use, config.conditioner):
        yield _finding(part)


def sampler_findings(config: Config) -> Iterator[Finding]:
    """Yield a finding for the trained layers of a sampler that has some."""
    from latentman.networks.motion_adapter import motion_adapter_part

    if config.sampler.is_animatediff:
        yield _finding(motion_adapter_part(config.sampler))


def fit_findings(config: Config) -> Iterator[Finding]:
    """Yield a finding if a run would refuse the setup as a whole, such as for networks that do not fit each other."""
    from latentman.pipeline.check_networks import check_networks

    try:
        check_networks(config)
    except LatentManError as error:
        yield Finding(f"setup {config.setup.name}", MISSING, config.setup.model, problem=str(error))


def _finding(part: Part) -> Finding:
    from latentman.networks.resolved import cached

    try:
        source = part.find()
        path = source.path
        if path is None:
            return hub_finding(part.key, part.key, part.value, cached(part, source))
        part.check(path)
    except LatentManError as error:
        return Finding(part.key, MISSING, part.value, problem=str(error))
    return Finding(part.key, PRESENT, str(path), "your own", size_of(path))
