"""Building bodies by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from latentman.body.anny import load_anny
from latentman.body.skinning import Body
from latentman.body.smpl import load_smpl
from latentman.config import BodyConfig
from latentman.errors import check_choice
from latentman.system.paths import weights_dir

BODIES: dict[str, Callable[[BodyConfig, Path], Body]] = {
    "anny": lambda cfg, _: load_anny(cfg),
    "smpl": load_smpl,
    "smplx": load_smpl,
}
"""The loader of each value of ``body.name``; it takes the settings and the folder of the user's weights."""


def build(cfg: BodyConfig, weights: Path | None = None) -> Body:
    """Return the body that the configuration names.

    Raises:
        ConfigError: if ``body.name`` is unknown.
        WeightsError: if the body's file is missing or damaged.
    """
    check_choice("body", cfg.name, BODIES)
    return BODIES[cfg.name](cfg, weights or weights_dir())
