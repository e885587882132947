"""What motions and bodies are made from beside their settings."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from latentman.config import Config
from latentman.config.companions import list_characters
from latentman.pipeline.run import Run
from latentman.system.paths import file_digest, user_path, weights_dir

if TYPE_CHECKING:
    pass


def motion_origins(config: Config) -> dict[str, Any]:
    """Return what a motion is made from beside its settings: digests of files, and the body of a clip.

    Raises:
        WeightsError: if a learned source has no checkpoint.
    """
    from latentman.motion.learned.checkpoint_file import files_behind
    from latentman.motion.recorded.gltf_file import buffer_files

    cfg = config.motion
    named = {key: getattr(cfg, key) for key in ("file", "rig", "statistics", "text_encoder", "trajectory")}
    files = {key: file_digest(user_path(path)) for key, path in named.items() if path is not None}
    if cfg.name == "clip" and cfg.file is not None:
        files |= {buffer.name: file_digest(buffer) for buffer in buffer_files(user_path(cfg.file))}
    learned = {path.name: file_digest(path) for path in files_behind(cfg, weights_dir(config.paths.weights))}
    # A file of rotations, or a model that makes them, takes its bones from the body that will be fitted.
    body = asdict(config.body) if cfg.name in ("clip", "mdm") else None
    if body is not None and (digest := body_origins(config)) is not None:
        body["digest"] = digest
    return {**files, **learned, "body": body}


def companion_origins(run: Run) -> list[Any]:
    """Return what the companions' motions are made from, and their bodies; nothing where there are none."""
    config = run.config
    return [
        [character.text, character.seed, asdict(character.body), body_origins(replace(config, body=character.body))]
        for character in run.characters[1:]
    ]


def body_origins(config: Config) -> str | None:
    """Return the digest of the user's body file; bodies that ship have none.

    Raises:
        WeightsError: if the file is missing.
    """
    if config.body.name == "anny":
        return None
    from latentman.body.smpl import find_model

    return file_digest(find_model(config.body, weights_dir(config.paths.weights)))


def check_character(config: Config) -> None:
    """Find out before the first stage whether the files of motion and body are there; nothing is read of them.

    Raises:
        WeightsError: naming the file, where it was looked for, and how to get it.
        ConfigError: if a file of the user's own is not there, or of an unknown kind.
    """
    from latentman.motion.learned.checkpoint_file import files_behind

    weights = weights_dir(config.paths.weights)
    files_behind(config.motion, weights)
    if config.motion.name == "clip":
        from latentman.motion.recorded.source import find_file

        find_file(config.motion)
    if config.body.name != "anny":
        from latentman.body.smpl import find_model

        for character in list_characters("", config.seed, config.body, config.companions):
            find_model(character.body, weights)
