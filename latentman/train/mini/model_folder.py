"""Writing networks as folders that diffusers and transformers read, whole or not at all."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.system.paths import PARTIAL


def replace_folder(folder: Path, fill: Callable[[Path], object]) -> None:
    """Let ``fill`` write a temporary folder beside ``folder``, then let it take its place.

    Raises:
        RecordError: if the disk is full or the place cannot be written; the folder before, if any, is untouched.
    """
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{PARTIAL}{folder.name}-"))
        fill(temporary)
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
        temporary = None
    except OSError as error:
        raise RecordError(_full(folder, error.strerror or str(error))) from error
    except Exception as error:
        # safetensors has an error of its own for a disk that is full, below Exception alone
        if type(error).__name__ != "SafetensorError":
            raise
        raise RecordError(_full(folder, str(error))) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _full(folder: Path, reason: str) -> str:
    return f"cannot write {folder}: {reason}; free some space, and the same command goes on, or choose another out=..."


def save_network(network: Any, folder: Path, *, half: bool = False) -> None:
    """Write a network with its configuration, as safetensors.

    Args:
        network: of diffusers or transformers; it stays as it is.
        folder: of its own, such as ``OUT/mini-sd/unet``.
        half: in half precision.

    Raises:
        RecordError: if it cannot be written.
    """
    written = copy.deepcopy(network).cpu()
    if half:
        written = written.half()
    replace_folder(folder, lambda place: written.save_pretrained(str(place), safe_serialization=True))
