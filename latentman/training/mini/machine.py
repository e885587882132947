"""What a training runs on, and until when."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass

import torch

from latentman.diffusion.backbone import pick_device
from latentman.diffusion.compile import fast_math
from latentman.errors import ConfigError


@dataclass(frozen=True)
class Machine:
    """A device, the moment (``time.monotonic``) at which to stop, and whether networks are compiled."""

    device: torch.device
    deadline: float | None = None
    compile: bool = False

    @classmethod
    def make(
        cls, device: str, minutes: float | None = None, threads: int | None = None, *, compiled: bool = False
    ) -> Machine:
        """Prepare the device named by ``auto``, ``cpu``, ``cuda`` ...; ``minutes`` count from now.

        Raises:
            ConfigError: for a device that is not there, or if CUDA networks cannot be compiled.
        """
        picked = pick_device(device)
        if threads is not None:
            torch.set_num_threads(threads)
        fast_math(picked, enabled=True)
        wanted = compiled and picked.type == "cuda"
        if wanted and importlib.util.find_spec("triton") is None:
            raise ConfigError("compile=true needs triton on CUDA: install it, or set compile=false")
        return cls(picked, None if minutes is None else time.monotonic() + 60 * minutes, wanted)

    @property
    def minutes_left(self) -> float | None:
        """Minutes until the deadline, 0 or more; None without one."""
        return None if self.deadline is None else max(0.0, (self.deadline - time.monotonic()) / 60)

    @property
    def out_of_time(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def autocast(self) -> torch.autocast:
        """Return the context of a forward pass: bfloat16 on CUDA, full precision elsewhere."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")
