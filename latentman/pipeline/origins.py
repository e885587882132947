"""What motions and bodies are made from besides their settings, asked of their families."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from latentman.body.build import find_family as find_body
from latentman.config import Config
from latentman.config.companions import list_characters
from latentman.motion.build import find_family as find_source
from latentman.pipeline.run import Run
from latentman.system.paths import file_digest, weights_dir


def motion_origins(config: Config) -> dict[str, Any]:
    """Return what a motion is made from besides its settings: digests of files, and the body if it gives the bones.

    Raises:
        WeightsError: if a learned source has no checkpoint, or the body's file is missing.
        ConfigError: if ``motion.name`` is unknown.
    """
    family = find_source(config.motion.name)
    files = family.files(config.motion, weights_dir(config.paths.weights))
    body = {**asdict(config.body), "files": body_origins(config)} if family.needs_rest_joints else None
    return {**{name: file_digest(path) for name, path in files.items()}, "body": body}


def companion_origins(run: Run) -> list[Any]:
    """Return what the companions' motions are made from, and their bodies; an empty list without companions."""
    config = run.config
    return [
        [character.text, character.seed, asdict(character.body), body_origins(replace(config, body=character.body))]
        for character in run.characters[1:]
    ]


def body_origins(config: Config) -> dict[str, str | None]:
    """Return digests of the user's own files of a body; empty for bodies that ship.

    Raises:
        WeightsError: if a file is missing.
        ConfigError: if ``body.name`` is unknown.
    """
    files = find_body(config.body.name).files(config.body, weights_dir(config.paths.weights))
    return {name: file_digest(path) for name, path in files.items()}


def check_character(config: Config) -> None:
    """Check before the first stage that the files of motion and bodies are there; no weights are read.

    Raises:
        WeightsError: naming the file, where it was looked for, and how to get it.
        ConfigError: if a file of the user's own is not there, or of an unknown kind.
    """
    weights = weights_dir(config.paths.weights)
    family = find_source(config.motion.name)
    family.files(config.motion, weights)
    family.check(config.motion, weights)
    for character in list_characters("", config.seed, config.body, config.companions):
        find_body(character.body.name).files(character.body, weights)
