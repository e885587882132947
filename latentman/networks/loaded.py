"""The networks of a setup, loaded once for all runs of a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentman.system.digest import digest

if TYPE_CHECKING:
    import torch

    from latentman.networks.backbone import Backbone
    from latentman.networks.resolved import ResolvedSetup

_loaded: dict[str, Backbone] = {}
"""The networks of the last setup: the jobs of a sweep in one process load them once."""


def load(setup: ResolvedSetup, device: torch.device, dtype: str | None = None) -> Backbone:
    """Return the networks of a setup; those of the last one stay loaded, earlier ones are dropped.

    Args:
        setup: what to load.
        device: where to.
        dtype: the precision; None means what ``setup.dtype`` stands for on this device.

    Raises:
        LatentManError: as :func:`latentman.networks.load.load_networks`.
    """
    from latentman.networks.load import load_networks

    key = _key(setup, device, dtype)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = load_networks(setup, device, dtype)
    return _loaded[key]


def is_loaded(setup: ResolvedSetup, device: torch.device, dtype: str | None = None) -> bool:
    """Return whether the networks of a setup are the ones loaded."""
    return _key(setup, device, dtype) in _loaded


def _key(setup: ResolvedSetup, device: torch.device, dtype: str | None) -> str:
    """Return what distinguishes one set of loaded networks from another."""
    from latentman.system.device import choose_dtype

    precision = choose_dtype(setup.setup.dtype if dtype is None else dtype, device)
    return digest(repr(setup.setup), repr(setup.conditioner), str(device), precision)
