"""From the configuration to a motion source, through one explicit table of names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from latentman.config import MotionConfig
from latentman.errors import check_choice
from latentman.motion.procedural import ProceduralSource
from latentman.system.paths import weights_dir
from latentman.types import Array, Motion


class MotionSource(Protocol):
    """What turns a text into a moving skeleton."""

    def __call__(self, text: str, *, num_frames: int, seed: int) -> Motion:
        """Return the motion of what ``text`` says, drawn from ``seed`` alone.

        The procedural source makes ``num_frames`` frames; others make what they can, and :func:`window.cut` decides
        what happens when that is less.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a source may need beside its own settings.

    ``weights`` is the folder of the user's weights; ``device`` where networks run; ``rest_joints`` returns the T-pose
    joints (24, 3) in metres of the body that will be fitted, for files that hold rotations instead of positions.
    """

    weights: Path
    device: str = "cpu"
    rest_joints: Callable[[], Array] | None = None


def _clip(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.clip_file import ClipSource

    return ClipSource(cfg, around.rest_joints)


def _mdm(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.mdm_source import build_mdm

    return build_mdm(cfg, around)


def _mld(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.mld_source import build_mld

    return build_mld(cfg, around)


def _gmd(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.gmd_source import build_gmd

    return build_gmd(cfg, around)


SOURCES: dict[str, Callable[[MotionConfig, Surroundings], MotionSource]] = {
    "procedural": lambda cfg, _: ProceduralSource(cfg.fps),
    "clip": _clip,
    "mdm_mini": _mdm,
    "mdm": _mdm,
    "mld": _mld,
    "gmd": _gmd,
}
"""Every motion source, by the name that ``motion=`` chooses."""


def build(cfg: MotionConfig, around: Surroundings | None = None) -> MotionSource:
    """Return the motion source that the configuration names.

    Raises:
        ConfigError: if ``motion.name`` is not one of the sources.
    """
    check_choice("motion", cfg.name, SOURCES)
    return SOURCES[cfg.name](cfg, around or Surroundings(weights_dir()))
