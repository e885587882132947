"""The bodies by their names."""

from __future__ import annotations

from collections.abc import Callable

from latentman.body.anny import load_anny
from latentman.body.skinning import Body
from latentman.config import BodyConfig
from latentman.errors import check_choice

BODIES: dict[str, Callable[[BodyConfig], Body]] = {"anny": load_anny}
"""What each value of ``body.name`` builds."""


def build(cfg: BodyConfig) -> Body:
    """Return the body that the configuration names.

    Raises:
        ConfigError: if ``body.name`` is unknown.
        WeightsError: if the body's file is missing or damaged.
    """
    check_choice("body", cfg.name, BODIES)
    return BODIES[cfg.name](cfg)
