"""Latents on disk: the finished ones, and the state of an unfinished run. Safetensors, nothing pickled."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from latentman.diffusion.denoise import State
from latentman.diffusion.schedule import History
from latentman.errors import RecordError
from latentman.files.opening import FlawError, missing_as
from latentman.files.run_file import MADE_AGAIN
from latentman.files.safetensors_file import opened_tensors
from latentman.system.machine_faults import told
from latentman.system.paths import write_atomic

logger = logging.getLogger("latentman")


def _write(path: Path, latents: Tensor, metadata: dict[str, str], history: History = ()) -> None:
    # To bytes first: safetensors' own writer reports a full disk as an error of its own kind.
    tensors = {"latents": latents, **{f"history_{number}": earlier for number, earlier in enumerate(history)}}
    data = save({name: x.detach().cpu().contiguous() for name, x in tensors.items()}, metadata=metadata)
    write_atomic(path, lambda p: p.write_bytes(data))


def _read(path: Path) -> tuple[Tensor, History, dict[str, str]]:
    with (
        missing_as(path, error=RecordError, advice=MADE_AGAIN),
        opened_tensors(path, error=RecordError, advice=MADE_AGAIN) as file,
    ):
        latents = file.get_tensor("latents")
        history = tuple(file.get_tensor(f"history_{number}") for number in range(len(file.keys()) - 1))
        for x in (latents, *history):
            if x.ndim != 4 or x.shape != latents.shape or not x.is_floating_point() or not x.isfinite().all():
                raise FlawError(f"its latents are {tuple(x.shape)} {x.dtype}, or not finite")
        return latents, history, file.metadata() or {}
    raise AssertionError  # the readers never swallow


def write_state(path: Path, state: State) -> None:
    """Save where the loop stands, in place of what was saved before, with a checksum of it."""
    state = state.to(torch.device("cpu"))
    _write(path, state.latents, {"step": str(state.step), "sha256": _checksum(state)}, state.history)


def read_state(path: Path) -> State | None:
    """Return the saved state; None if there is none, or with one warning if the file is damaged."""
    if not path.is_file():
        return None
    try:
        latents, history, metadata = _read(path)
        state = State(int(metadata["step"]), latents, history)
        if metadata["sha256"] == _checksum(state):
            return state
    except (RecordError, ValueError, KeyError):
        pass
    logger.warning("%s is damaged: denoising starts again from its first step", path)
    return None


def _checksum(state: State) -> str:
    about = f"{state.step} {state.latents.dtype} {tuple(state.latents.shape)}"
    data = b"".join(x.contiguous().numpy().tobytes() for x in (state.latents, *state.history))
    return hashlib.sha256(about.encode() + data).hexdigest()


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
