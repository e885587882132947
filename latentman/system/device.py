"""The device that a run computes on, its precision, and the message when its memory is full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from latentman.errors import ConfigError, DeviceMemoryError
from latentman.system.machine_faults import is_cpu_memory_full


@contextmanager
def needing_memory(what: str, advice: str) -> Iterator[None]:
    """Turn a failed allocation into one clear message.

    Args:
        what: what the memory was needed for.
        advice: what to change.

    Raises:
        DeviceMemoryError: if the device's memory, or on a CPU the machine's, was full.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_memory_full(error):
            raise
        raise DeviceMemoryError(f"the device's memory does not hold {what}: {advice}") from error


def is_memory_full(error: BaseException) -> bool:
    """Return whether an error means that the memory of the device, a GPU or this machine, did not hold something."""
    return isinstance(error, torch.OutOfMemoryError) or is_cpu_memory_full(error)


DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def has_native_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16; without them it is emulated, many times slower."""
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.9 and later
    if capabilities:
        return any(capabilities.get(flag, False) for flag in ("avx512_bf16", "amx_bf16", "bf16"))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def choose_dtype(name: str, device: torch.device) -> str:
    """Return the precision that ``setup.dtype`` stands for on a device.

    ``auto`` follows what the device can do, never how busy it is: float16 on CUDA, bfloat16 on a CPU with instructions
    for it, else float32. Any other name stands for itself.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "float16"
    return "bfloat16" if device.type == "cpu" and has_native_bfloat16() else "float32"


def is_emulated(dtype: str, device: torch.device) -> bool:
    """Return whether a CPU computes in this precision by emulation."""
    return device.type == "cpu" and dtype != "float32" and not (dtype == "bfloat16" and has_native_bfloat16())


_FIRST_WITH_BFLOAT16 = (8, 0)
"""CUDA's compute capability of the first cards with bfloat16: Ampere."""


def check_dtype(dtype: str, device: torch.device) -> None:
    """Refuse a precision that a card does not have, before anything is loaded onto it.

    Raises:
        ConfigError: naming the card and the precisions that it has.
    """
    if device.type != "cuda" or dtype != "bfloat16":
        return
    if torch.cuda.get_device_capability(device) < _FIRST_WITH_BFLOAT16:
        card = f"{torch.cuda.get_device_name(device)} ({device})"
        raise ConfigError(f"setup.dtype=bfloat16: {card} has no bfloat16; use setup.dtype=auto, float16 or float32")


def name_of_several(device: torch.device) -> str | None:
    """Return which card is used and how to choose another; None where there is no choice."""
    if device.type != "cuda" or (count := torch.cuda.device_count()) < 2:
        return None
    index = torch.cuda.current_device() if device.index is None else device.index
    return (
        f"using cuda:{index} ({torch.cuda.get_device_name(device)}), one of {count} CUDA devices; device=cuda:N takes "
        "another"
    )


KINDS = ("cuda", "mps", "cpu")
"""Kinds of devices, in the order in which ``auto`` prefers them."""


def pick_device(name: str, *, kinds: Sequence[str] = KINDS, advice: str = "use device=auto or cpu") -> torch.device:
    """Return the torch device for ``device=auto|cpu|cuda|cuda:N|mps``.

    Args:
        name: the value of ``device``.
        kinds: those that the work can use, in order of preference; ``cpu`` is always there.
        advice: what to do where this machine lacks the device, for the message.

    Raises:
        ConfigError: if the name is unknown, or this machine does not have the device.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind in kinds if there[kind]))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(_unknown(name, kinds)) from error
    if device.type not in kinds:
        raise ConfigError(_unknown(name, kinds))
    if not there[device.type]:
        raise ConfigError(
            f"device={name}: this machine has no {device.type.upper()} device that torch can use; {advice}"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device={name}: this machine has {torch.cuda.device_count()} CUDA devices; {advice}")
    return device


def _unknown(name: str, kinds: Sequence[str]) -> str:
    named = {"cuda": "cuda, cuda:N", "mps": "mps", "cpu": "cpu"}
    return f"device={name} is unknown: use auto, {', '.join(named[kind] for kind in reversed(kinds))}"
