"""From the configuration to a motion source, through one table of families."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentman.config import MotionConfig
from latentman.motion.learned.checkpoint_file import files_behind
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.source import MotionFamily, MotionSource, Surroundings
from latentman.system.paths import user_path, weights_dir
from latentman.system.plugins import Options


def _clip(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.recorded.source import ClipSource

    return ClipSource(cfg, around.rest_joints)


def _clip_files(cfg: MotionConfig, weights: Path) -> Mapping[str, Path]:
    """Return the motion file with its buffers, and the rig file if ``motion.rig`` names one."""
    from latentman.motion.recorded.gltf_file import buffer_files
    from latentman.motion.recorded.rigs import RIGS
    from latentman.motion.recorded.source import find_file

    file = find_file(cfg)
    rig = {} if cfg.rig in ("auto", *RIGS) else {"rig": user_path(cfg.rig)}
    return {"file": file, **{buffer.name: buffer for buffer in buffer_files(file)}, **rig}


def _mdm(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.learned.mdm_source import build_mdm

    return build_mdm(cfg, around)


def _mld(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.learned.mld_source import build_mld

    return build_mld(cfg, around)


def _gmd(cfg: MotionConfig, around: Surroundings) -> MotionSource:
    from latentman.motion.learned.gmd_source import build_gmd

    return build_gmd(cfg, around)


def _learned_files(cfg: MotionConfig, weights: Path) -> Mapping[str, Path]:
    """Return the checkpoint with what is read next to it, and the files that settings name."""
    named = {"statistics": cfg.statistics, "text_encoder": cfg.text_encoder, "trajectory": cfg.trajectory}
    return {
        **{path.name: path for path in files_behind(cfg, weights)},
        **{key: user_path(path) for key, path in named.items() if path is not None},
    }


def _check_learned(cfg: MotionConfig, weights: Path) -> None:
    from latentman.motion.learned.needs import check_needs

    check_needs(cfg, weights)


_BUILT_IN: dict[str, MotionFamily] = {
    "procedural": MotionFamily(lambda cfg, _: ProceduralSource(cfg.fps)),
    "clip": MotionFamily(_clip, _clip_files, needs_rest_joints=True),
    "mdm_mini": MotionFamily(_mdm, _learned_files, _check_learned),
    "mdm": MotionFamily(
        _mdm, _learned_files, _check_learned, needs_rest_joints=True
    ),  # an action-to-motion model makes rotations
    "mld": MotionFamily(_mld, _learned_files, _check_learned),
    "gmd": MotionFamily(_gmd, _learned_files, _check_learned),
}


def _adapt(name: str, value: Any) -> MotionFamily:
    if isinstance(value, MotionFamily):
        return value
    if not callable(value):
        raise TypeError(f"it is {type(value).__name__}, neither a function nor latentman.motion.source.MotionFamily")
    return MotionFamily(value)


SOURCES: Options[MotionFamily] = Options("latentman.motions", _BUILT_IN, _adapt)
"""Every family of motion sources, by the ``name`` that ``motion=`` chooses: our own, and plugins."""


def find_family(name: str) -> MotionFamily:
    """Return the family of a motion source.

    Raises:
        ConfigError: if ``motion.name`` is not one of ``SOURCES``.
    """
    SOURCES.check(name)
    return SOURCES[name]


def build(cfg: MotionConfig, around: Surroundings | None = None) -> MotionSource:
    """Return the configured motion source.

    Raises:
        ConfigError: if ``motion.name`` is not one of the sources, or its settings do not fit.
        WeightsError: if a learned source lacks a file.
    """
    return find_family(cfg.name).build(cfg, around or Surroundings(weights_dir()))
