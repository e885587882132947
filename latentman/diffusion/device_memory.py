"""Running out of the device's memory, told as something that the user can mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from latentman.errors import DeviceMemoryError


@contextmanager
def needing_memory(what: str, advice: str) -> Iterator[None]:
    """Turn an allocation that failed into one clear message.

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
