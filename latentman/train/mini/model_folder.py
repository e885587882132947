"""Writing networks atomically as folders in the format of diffusers and transformers."""

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
    """Let ``fill`` write a temporary folder next to ``folder``, then replace ``folder`` with it.

    Raises:
        RecordError: if the disk is full or the folder cannot be written; an existing folder is not changed.
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
        # safetensors has its own error for a full disk, a direct subclass of Exception
        if type(error).__name__ != "SafetensorError":
            raise
        raise RecordError(_full(folder, str(error))) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _full(folder: Path, reason: str) -> str:
    return (
        f"cannot write {folder}: {reason}; free some space and run the same command to continue, or choose another "
        "out=..."
    )


def save_network(network: Any, folder: Path, *, half: bool = False) -> None:
    """Write a network with its configuration, as safetensors.

    Args:
        network: a diffusers or transformers network; it is not changed.
        folder: the network's own folder, such as ``OUT/mini-sd/unet``.
        half: write in half precision.

    Raises:
        RecordError: if it cannot be written.
    """
    written = copy.deepcopy(network).cpu()
    if half:
        written = written.half()
    replace_folder(folder, lambda place: written.save_pretrained(str(place), safe_serialization=True))
