"""The motion stage: a text to the joints of every character, cut to the frames of the video."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from latentman.config import Config
from latentman.config.companions import Character
from latentman.pipeline.origins import companion_origins, motion_origins
from latentman.pipeline.run import Advance, Run
from latentman.pipeline.stage import Sharing, Stage
from latentman.system.paths import weights_dir, write_npz
from latentman.types import Motion


def motion_of(config: Config, character: Character) -> Motion:
    """Return the motion of one character, cut to the frames of the video.

    Args:
        config: of the run: the group ``motion``, ``num_frames``, ``fps``, ``device`` and ``paths.weights`` are read.
        character: its text, seed and body.

    Raises:
        ConfigError: if the motion source does not know a setting.
        WeightsError: if a learned source lacks its files.
        DataError: if a motion file is damaged, or the motion is too short for the video.
    """
    from latentman.body.build import build as build_body
    from latentman.body.skinning import rest_joints
    from latentman.motion.build import build
    from latentman.motion.source import Surroundings
    from latentman.motion.window import cut, pace
    from latentman.system.device import pick_device

    cfg, weights = config.motion, weights_dir(config.paths.weights)
    around = Surroundings(
        weights=weights,
        device=str(pick_device(config.device)),
        rest_joints=lambda: rest_joints(build_body(character.body, weights)),
    )
    paced = pace(cfg, fps=config.fps, num_frames=config.num_frames)
    source = build(replace(cfg, fps=paced.source_fps), around)
    return cut(
        source(character.text, num_frames=paced.needed, seed=character.seed),
        num_frames=config.num_frames,
        stride=paced.stride,
        start=cfg.start,
        if_short=cfg.if_short,
        start_fps=cfg.fps,
    )


def make_motion(run: Run, advance: Advance) -> None:
    """Write the motion of every character."""
    for name, character in zip(run.motion_files, run.characters, strict=True):
        write_npz(run.folder / name, motion_of(run.config, character).arrays())


def _settings(run: Run) -> list[Any]:
    from latentman.motion.build import SOURCES

    config = run.config
    plugin = SOURCES.identity(config.motion.name)
    return [
        *(asdict(config.motion), run.motion_text, config.seed, config.num_frames, config.stride),
        *(motion_origins(config), *companion_origins(run)),
        *([plugin] if plugin else []),
    ]


STAGE = Stage(
    name="motion",
    reads=(),
    settings=_settings,
    outputs=lambda run: run.motion_files,
    make=make_motion,
    sharing=Sharing(
        code=("motion", "body", "pipeline/origins.py", "pipeline/stages/motion.py"),
        packages=("numpy", "scipy", "torch", "transformers"),
        assets=("assets/bodies",),
    ),
)
