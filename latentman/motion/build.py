"""Building a motion source from the configuration, with one table of names."""

from __future__ import annotations

from collections.abc import Callable

from latentman.config import MotionConfig
from latentman.errors import check_choice
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.source import MotionSource, Surroundings
from latentman.system.paths import weights_dir


def _clip(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.recorded.source import ClipSource

    return ClipSource(cfg, around.rest_joints)


def _mdm(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.learned.mdm_source import build_mdm

    return build_mdm(cfg, around)


def _mld(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.learned.mld_source import build_mld

    return build_mld(cfg, around)


def _gmd(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.learned.gmd_source import build_gmd

    return build_gmd(cfg, around)


SOURCES: dict[str, Callable[[MotionConfig, Surroundings], MotionSource]] = {
    "procedural": lambda cfg, _: ProceduralSource(cfg.fps),
    "clip": _clip,
    "mdm_mini": _mdm,
    "mdm": _mdm,
    "mld": _mld,
    "gmd": _gmd,
}
"""Every motion source, by the name in ``motion=``."""


def build(cfg: MotionConfig, around: Surroundings | None = None) -> MotionSource:
    """Return the configured motion source.

    Raises:
        ConfigError: if ``motion.name`` is not one of the sources.
    """
    check_choice("motion", cfg.name, SOURCES)
    return SOURCES[cfg.name](cfg, around or Surroundings(weights_dir()))
