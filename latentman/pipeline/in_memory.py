"""The stages of a run one by one, in memory: each takes the values of the stages before it and returns its own."""

from __future__ import annotations

from collections.abc import Sequence

from latentman.config import Config
from latentman.config.companions import Character, list_characters
from latentman.errors import ConfigError
from latentman.pipeline.run import motion_text_of
from latentman.pipeline.stages.body import body_of
from latentman.pipeline.stages.correspondence import map_of
from latentman.pipeline.stages.motion import motion_of
from latentman.pipeline.stages.render import conditions_of
from latentman.system.machine_faults import machine_faults_told
from latentman.types import BodySequence, Conditions, Correspondence, Motion


@machine_faults_told("latentman.api.make_motion stopped")
def make_motion(config: Config, character: int = 0) -> Motion:
    """Return the motion of a character, joints (T, 22, 3) in metres, cut to the frames of the video.

    Args:
        config: from :func:`latentman.compose`.
        character: 0 for the one that the prompt names, then the companions in order.

    Raises:
        ConfigError: if there is no such character, or the source does not know a setting.
        WeightsError: if a learned source lacks its files.
        DataError: if a motion file is damaged, or the motion is too short for the video.
    """
    everyone = _characters(config)
    if not 0 <= character < len(everyone):
        raise ConfigError(f"character={character}: the scene has {len(everyone)}, numbered from 0")
    return motion_of(config, everyone[character])


@machine_faults_told("latentman.api.make_body stopped")
def make_body(config: Config, motion: Motion | Sequence[Motion]) -> BodySequence:
    """Return one moving mesh of all characters, each at its place: vertices (T, V, 3) in metres.

    Args:
        config: from :func:`latentman.compose`.
        motion: the first character's, or one for each character; companions without one get theirs from their text.

    Raises:
        ConfigError: if there are more motions than characters.
        WeightsError: if a body's file is missing or damaged.
        DataError: if motions have different lengths.
    """
    everyone = _characters(config)
    motions = [motion] if isinstance(motion, Motion) else list(motion)
    if not 1 <= len(motions) <= len(everyone):
        raise ConfigError(
            f"{len(motions)} motions for {len(everyone)} characters: give one for each, or the first one's"
        )
    motions += [make_motion(config, index) for index in range(len(motions), len(everyone))]
    return body_of(config, everyone, motions)


@machine_faults_told("latentman.api.make_render stopped")
def make_render(config: Config, body: BodySequence) -> Conditions:
    """Return depth, disparity, IUV and mask of every frame, (T, H, W) with H = W = ``setup.image_size``.

    Raises:
        ConfigError: if the renderer is unknown.
        DataError: if the camera cannot be placed.
    """
    return conditions_of(config, body)


@machine_faults_told("latentman.api.make_correspondence stopped")
def make_correspondence(
    config: Config, conditions: Conditions, body: BodySequence, size: int | None = None
) -> Correspondence:
    """Return the map M (section 3.3) on a grid of ``size`` x ``size`` cells; None means the latent grid.

    Raises:
        ConfigError: if the map, the solver or the reference is unknown.
        ShapeError: if ``size`` does not divide the picture.
    """
    return map_of(config, conditions, body, config.setup.latent_size if size is None else size)


def _characters(config: Config) -> list[Character]:
    return list_characters(motion_text_of(config), config.seed, config.body, config.companions)
