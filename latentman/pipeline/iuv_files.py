"""The user's files that I, U and V come from: which ones, their digests, and their check before the first stage."""

from __future__ import annotations

from pathlib import Path

from latentman.body.densepose_atlas import read_atlas
from latentman.config import Config, check_surface
from latentman.render.iuv_images import find_maps, read_maps
from latentman.system.paths import file_digest


def iuv_origins(config: Config) -> list[str | None]:
    """Return digests of the user's files that I, U and V come from, in the order of the frames; empty for drawn maps.

    Raises:
        DataError: if there is no such file.
    """
    return [file_digest(path) for path in iuv_files(config)]


def iuv_files(config: Config) -> list[Path]:
    """Return the user's files that I, U and V come from.

    Raises:
        ConfigError: if ``iuv`` lacks its file, or does not fit the characters.
        DataError: if there is no file or folder that ``iuv.folder`` names.
    """
    check_surface(config.iuv, config.body, config.companions)
    if config.iuv.name == "images" and config.iuv.folder is not None:
        return find_maps(config.iuv.folder)
    return [] if config.iuv.file is None else [Path(config.iuv.file).expanduser()]


def check_iuv(config: Config) -> None:
    """Read and check before the first stage the files that I, U and V come from.

    Raises:
        ConfigError: if ``iuv`` lacks its file, or does not fit the characters.
        DataError: naming the file and what is wrong with it.
    """
    check_surface(config.iuv, config.body, config.companions)
    if config.iuv.name == "images" and config.iuv.folder is not None:
        size, channels = config.setup.image_size, config.iuv.channels
        read_maps(config.iuv.folder, frames=config.num_frames, size=size, channels=channels)
    elif config.iuv.file is not None:
        read_atlas(config.iuv.file)
