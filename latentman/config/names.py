"""Names and paths in a configuration: names stay in their folder, and every text can be written down."""

from __future__ import annotations

import os
from pathlib import Path

from latentman.errors import ConfigError

MAX_NAME = 100
"""Characters of ``name``, which becomes the name of a folder."""
MAX_PATH = 4000
_MAX_PART = 255
"""Bytes of a path, and of each part of it, that file systems take."""


def check_name(key: str, name: str) -> None:
    """Refuse a name that is not the name of one folder.

    Raises:
        ConfigError: for an empty or long name, one of several parts, or with characters that no folder should have.
    """
    is_plain = name.strip() == name and name not in ("", ".", "..") and not set(name) & set('/\\:*?"<>|')
    if not is_plain or not name.isprintable() or len(name) > MAX_NAME:
        raise ConfigError(
            f"{key}={name[:80]!r} must be a plain name of at most {MAX_NAME} characters, since it names a folder below "
            "paths.runs: no slashes, colons, wildcards or quotes; to choose the folder, use run_dir= or sweep_dir="
        )


def check_text(key: str, text: str) -> None:
    """Refuse text that no file can hold.

    Raises:
        ConfigError: for a NUL character, and for what remains of bytes that are not UTF-8.
    """
    if "\0" in text:
        raise ConfigError(f"{key} holds a NUL character, which no file name and no tokenizer takes: remove it")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{key} holds text that is not UTF-8, at character {error.start}: write it in UTF-8, and set a locale such "
            "as LC_ALL=C.UTF-8 if the terminal uses another one"
        ) from error


OUTPUT_FOLDERS = ("run_dir", "sweep_dir", "paths.runs")
"""Keys that name a folder to be made: under a mistyped home it would be made here, under a name with a tilde."""


def check_path(key: str, path: str) -> None:
    """Refuse a path that no file system takes, or an output folder in the home of an unknown user.

    Raises:
        ConfigError: naming the key and what is wrong.
    """
    check_text(key, path)
    if not path.strip():
        raise ConfigError(f"{key} is empty: name a folder, or leave it out")
    try:
        full = str(Path(path).expanduser())
    except RuntimeError as error:
        if key not in OUTPUT_FOLDERS:  # a file may have such a name; where there is none, its reader says so
            return
        raise ConfigError(
            f"{key}={path[:80]}: there is no user {path.split('/')[0]}: write the path in full"
        ) from error
    data = os.fsencode(full)
    longest = max(map(len, data.split(b"/")))
    if len(data) > MAX_PATH or longest > _MAX_PART:
        raise ConfigError(
            f"{key} is a path of {len(data)} bytes, the longest part of {longest}: at most {MAX_PATH} and {_MAX_PART} "
            "are possible"
        )
