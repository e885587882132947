"""The networks of a setup, loaded once for all runs of a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentman.config import Config
from latentman.system.digest import digest

if TYPE_CHECKING:
    from latentman.networks.backbone import Backbone

_loaded: dict[str, Backbone] = {}
"""The networks of the last setup: the jobs of a sweep in one process load them once."""


def load_once(config: Config) -> Backbone:
    """Return the networks of a setup, keeping the last ones loaded.

    Raises:
        ConfigError: if the setup's sizes are not those of its networks.
    """
    from latentman.networks.load import load_backbone
    from latentman.system.device import pick_device

    device, key = pick_device(config.device), _key(config)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = load_backbone(config.setup, config.conditioner, device)
    return _loaded[key]


def are_loaded(config: Config) -> bool:
    """Return whether the networks of a setup are the ones loaded."""
    return _key(config) in _loaded


def _key(config: Config) -> str:
    """Return what tells one set of loaded networks from another."""
    return digest(repr(config.setup), repr(config.conditioner), config.device)
