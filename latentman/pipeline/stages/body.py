"""The body stage: joints to one moving mesh of all characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from latentman.config import Config
from latentman.config.companions import Character
from latentman.files.run_file import read_motion
from latentman.pipeline.origins import body_origins, companion_origins
from latentman.pipeline.run import Advance, Run
from latentman.pipeline.stage import Sharing, Stage
from latentman.system.paths import weights_dir, write_npz
from latentman.types import BodySequence, Motion


def body_of(config: Config, characters: Sequence[Character], motions: Sequence[Motion]) -> BodySequence:
    """Return one moving mesh of all characters, each at its place.

    Args:
        config: of the run: ``paths.weights`` is read.
        characters: at least one, the first character first, whose place the others are given from.
        motions: one for each character, of equal length.

    Raises:
        WeightsError: if a body's file is missing or damaged.
        DataError: if motions have different lengths.
    """
    from latentman.body.build import build
    from latentman.body.fit import fit_motion
    from latentman.body.scene import join, place_beside

    weights = weights_dir(config.paths.weights)
    placed: list[BodySequence] = []
    for character, motion in zip(characters, motions, strict=True):
        sequence = fit_motion(build(character.body, weights), motion, character.body)
        if placed:
            sequence = place_beside(sequence, placed[0], offset=character.offset, facing=character.facing)
        placed.append(sequence)
    return join(placed)


def make_body(run: Run, advance: Advance) -> None:
    """Write the moving mesh."""
    motions = [read_motion(run.folder / name) for name in run.motion_files]
    write_npz(run.folder / "body.npz", asdict(body_of(run.config, run.characters, motions)))


def _settings(run: Run) -> list[Any]:
    return [
        asdict(run.config.body), body_origins(run.config),
        *([character.offset, character.facing] for character in run.characters[1:]), *companion_origins(run),
    ]  # fmt: skip


STAGE = Stage(
    name="body",
    reads=("motion",),
    settings=_settings,
    outputs=lambda run: ["body.npz"],
    make=make_body,
    sharing=Sharing(
        code=("motion", "body", "pipeline/origins.py", "pipeline/stages/body.py"),
        assets=("assets/bodies",),
    ),
)
