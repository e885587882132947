"""Where files are, and writing that never leaves half a file.

``config_dir`` finds the YAML tree in a checkout and in an installed wheel; ``asset`` finds what ships inside the
package; the ``write_*`` functions write next to the target and rename, so that a killed process leaves the old file or
the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentman.errors import ConfigError, RecordError

PACKAGE = Path(__file__).resolve().parents[1]

PARTIAL = ".partial-"
"""Prefix of the names of unfinished files; a killed process leaves one behind."""


def config_dir() -> str:
    """Return the absolute path of the configuration tree: the wheel's own, else the checkout's.

    Raises:
        ConfigError: if neither folder holds ``config.yaml``.
    """
    places = [PACKAGE / "conf", PACKAGE.parent / "conf"]
    for place in places:
        if (place / "config.yaml").is_file():
            return str(place)
    raise ConfigError(f"no config.yaml in {places[0]} or {places[1]}: reinstall latentman, or run from its checkout")


def asset(*parts: str) -> Path:
    """Return the path of something that ships inside the package, such as ``asset("bodies", "anny_male.npz")``."""
    return PACKAGE.joinpath("assets", *parts)


def user_path(text: str | Path) -> Path:
    """Return a path as the user typed it if it is there, else with a leading ``~`` standing for a home folder.

    A home folder that is not known, as of ``~nobody``, leaves the path as it is, so that it is reported as not there.
    """
    path = Path(text)
    try:
        return path if path.exists() else path.expanduser()
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, or an unknown user
        return path


def is_file(path: Path) -> bool:
    """Return whether a file is there; a path that no file can have, such as one of 5,000 letters, is not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def weights_dir(configured: str | None = None) -> Path:
    """Return the folder of the user's own weights: ``paths.weights``, else $LATENTMAN_WEIGHTS, else the cache."""
    named = configured or os.environ.get("LATENTMAN_WEIGHTS")
    return user_path(named).absolute() if named else Path.home() / ".cache" / "latentman"


def file_digest(path: Path) -> str | None:
    """Return a short SHA-256 over the content of a file, or over all files of a folder; None if there is nothing.

    Results are recorded with it, so that they are made again when their inputs have changed.

    Raises:
        RecordError: if a file exists but cannot be read.
    """
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else []
    try:
        for file in files:
            digest.update(b"" if file == path else file.relative_to(path).as_posix().encode() + b"\0")
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    except OSError as error:
        raise RecordError(f"cannot read {error.filename}: {error.strerror}; check its permissions") from error
    return digest.hexdigest()[:16] if files else None


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file next to ``path``, then rename it to ``path``.

    The temporary name keeps the suffix of ``path``, since some writers choose their format by it.

    Raises:
        RecordError: if the folder cannot be written or the disk is full; the old file, if any, is untouched.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{PARTIAL}{path.stem}-", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        # mkstemp creates files that only their owner can read; the umask decides who may read a result.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecordError(
            f"cannot write {path}: {reason}; free some space, or choose a folder that you may write to: run_dir=... of "
            "a run, sweep_dir=... of a sweep, out=... of a training"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomic(path, lambda p: p.write_text(text, encoding="utf-8"))


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically; NaN and infinity are refused, since JSON does not have them."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays to a compressed npz file atomically."""

    def save(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    write_atomic(path, save)
