"""Options that may speed up a step on a GPU without changing its mathematics, measured cumulatively."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import torch
import torch._dynamo.config

from latentman.bench.denoise.measure import Row, time_alone
from latentman.bench.denoise.model import Subject
from latentman.bench.denoise.parts import Batched, Route, ours

LEVERS: Mapping[str, str] = MappingProxyType({
    "cudnn": "cuDNN autotuning",
    "unet": "compiled UNet and ControlNet",
    "vae": "compiled VAE",
    "micro2": "VAE by 2 frames",
    "micro4": "VAE by 4 frames",
})  # fmt: skip
"""In the order in which they are added. The last two exclude each other and affect only the direct gradient."""

_RECOMPILE_LIMIT = 64
"""All networks share diffusers' decorator, so their variants (which network, gradient, frames, anchor) add up there."""

_BATCHES = {"micro2": 2, "micro4": 4}


def time_levers(subject: Subject, levers: Sequence[str], repeats: int, tflop: Mapping[str, float]) -> list[Row]:
    """Return rows for our route, each time with one more lever; compiled networks stay compiled."""
    rows, pulled = [], ["ours"]
    with autotuning_restored(), torch._dynamo.config.patch(recompile_limit=_RECOMPILE_LIMIT):
        for lever in (name for name in LEVERS if name in levers):
            pull(subject, lever)
            route: Route = Batched(_BATCHES[lever]) if lever in _BATCHES else ours
            rows += time_alone(subject, " + ".join([*pulled, LEVERS[lever]]), route, repeats, tflop)
            if lever not in _BATCHES:
                pulled.append(LEVERS[lever])
    return rows


def pull(subject: Subject, lever: str) -> None:
    """Set one lever of :data:`LEVERS`; the route sets batches."""
    backbone = subject.backbone
    torch.compiler.reset()  # every route has new attention processors, so that nothing would be reused
    if lever == "cudnn":
        torch.backends.cudnn.benchmark = True
    elif lever == "unet":
        for network in (backbone.unet, *backbone.controlnets):
            network.compile(dynamic=False)
    elif lever == "vae":
        backbone.vae.decoder.compile(dynamic=False)


@contextmanager
def autotuning_restored() -> Iterator[None]:
    """Restore cuDNN's autotuning."""
    before = torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
