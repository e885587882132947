"""The device that a run computes on, its precision, and the message when its memory is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from latentman.errors import ConfigError, DeviceMemoryError


@contextmanager
def needing_memory(what: str, advice: str) -> Iterator[None]:
    """Turn a failed allocation into one clear message.

    Args:
        what: what the memory was needed for.
        advice: what to change.

    Raises:
        DeviceMemoryError: if the device's memory was full.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceMemoryError(f"the device's memory does not hold {what}: {advice}") from error


DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def pick_device(name: str) -> torch.device:
    """Return the torch device for ``device=auto|cpu|cuda|cuda:N|mps``.

    Raises:
        ConfigError: if torch does not know the device or this machine does not have it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device={name} is unknown: use auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device={name}: this torch sees {torch.cuda.device_count()} CUDA devices; use device=auto or cpu"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(f"device={name}: this machine has no MPS device; use device=auto or cpu")
    return device
