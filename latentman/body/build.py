"""From the configuration to a body, through one table of families."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from latentman.body.anny import load_anny
from latentman.body.skinning import Body
from latentman.body.smpl import find_model, load_smpl
from latentman.config import BodyConfig
from latentman.errors import check_choice
from latentman.system.paths import weights_dir


def _no_files(cfg: BodyConfig, weights: Path) -> Mapping[str, Path]:
    return {}


@dataclass(frozen=True, slots=True)
class BodyFamily:
    """What is asked of a body by its name; both functions take its settings and the folder of the user's weights."""

    build: Callable[[BodyConfig, Path], Body]
    """Return the body. Raises ``WeightsError`` if its file is missing or damaged."""
    files: Callable[[BodyConfig, Path], Mapping[str, Path]] = _no_files
    """Return the user's own files that the body is made from, by what they are; empty for a body that ships. Opens none
    of them; raises ``WeightsError`` if one is not there."""


_SMPL = BodyFamily(load_smpl, lambda cfg, weights: {"model": find_model(cfg, weights)})

BODIES: dict[str, BodyFamily] = {
    "anny": BodyFamily(lambda cfg, _: load_anny(cfg)),
    "smpl": _SMPL,
    "smplx": _SMPL,
}
"""Every family of bodies, by the ``name`` that ``body=`` chooses."""


def find_family(name: str) -> BodyFamily:
    """Return the family of a body.

    Raises:
        ConfigError: if ``body.name`` is not one of ``BODIES``.
    """
    check_choice("body", name, BODIES)
    return BODIES[name]


def build(cfg: BodyConfig, weights: Path | None = None) -> Body:
    """Return the body that the configuration names.

    Raises:
        ConfigError: if ``body.name`` is unknown.
        WeightsError: if the body's file is missing or damaged.
    """
    return find_family(cfg.name).build(cfg, weights or weights_dir())
