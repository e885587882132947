"""Latents on disk: the finished ones, and the state of an unfinished run. Safetensors, nothing pickled."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from latentman.diffusion.denoise import State
from latentman.errors import RecordError
from latentman.files.opening import FlawError, missing_as
from latentman.files.run_file import MADE_AGAIN
from latentman.files.safetensors_file import opened_tensors
from latentman.system.machine_faults import told
from latentman.system.paths import write_atomic

logger = logging.getLogger("latentman")


def _write(path: Path, latents: Tensor, metadata: dict[str, str]) -> None:
    # To bytes first: safetensors' own writer reports a full disk as an error of its own kind.
    data = save({"latents": latents.detach().cpu().contiguous()}, metadata=metadata)
    write_atomic(path, lambda p: p.write_bytes(data))


def _read(path: Path) -> tuple[Tensor, dict[str, str]]:
    with (
        missing_as(path, error=RecordError, advice=MADE_AGAIN),
        opened_tensors(path, error=RecordError, advice=MADE_AGAIN) as file,
    ):
        latents = file.get_tensor("latents")
        if latents.ndim != 4 or not latents.is_floating_point() or not latents.isfinite().all():
            raise FlawError(f"its latents are {tuple(latents.shape)} {latents.dtype}, or not finite")
        return latents, file.metadata() or {}
    raise AssertionError  # the readers never swallow


def write_state(path: Path, state: State) -> None:
    """Save where the loop stands, in place of what was saved before, with a checksum of it."""
    latents = state.latents.detach().cpu().contiguous()
    _write(path, latents, {"step": str(state.step), "sha256": _checksum(state.step, latents)})


def read_state(path: Path) -> State | None:
    """Return the saved state; None if there is none, or with one warning if the file is damaged."""
    if not path.is_file():
        return None
    try:
        latents, metadata = _read(path)
        step = int(metadata["step"])
        if metadata["sha256"] == _checksum(step, latents):
            return State(step, latents)
    except (RecordError, ValueError, KeyError):
        pass
    logger.warning("%s is damaged: denoising starts again from its first step", path)
    return None


def _checksum(step: int, latents: Tensor) -> str:
    about = f"{step} {latents.dtype} {tuple(latents.shape)}"
    return hashlib.sha256(about.encode() + latents.numpy().tobytes()).hexdigest()


def remove_state(path: Path) -> None:
    """Forget the saved state, and its folder if nothing else is in it.

    Raises:
        RecordError: if the file cannot be removed.
    """
    with told(f"{path} cannot be removed", "check the permissions of the folder"):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty: something else is kept there
        path.parent.rmdir()


def write_latents(path: Path, latents: Tensor) -> None:
    """Save finished latents (T, C, h, w)."""
    _write(path, latents, {})


def read_latents(path: Path) -> Tensor:
    """Return finished latents.

    Raises:
        RecordError: if the file is damaged.
    """
    return _read(path)[0]
