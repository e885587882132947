"""``torch.compile`` of the networks, in place: the same modules, faster calls after a slow first one."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from latentman.errors import ConfigError

if TYPE_CHECKING:
    from latentman.networks.backbone import Backbone

_COMPILERS = ("g++", "clang++", "c++", "cl")

_GRAPHS = 64
"""Graphs of one function that torch keeps before it stops compiling; its own limit is 8."""


def compile_networks(
    backbone: Backbone, what: str, *, backend: str | Callable[..., Any] = "inductor", fullgraph: bool = False
) -> None:
    """Compile the UNet and the ControlNets (``unet``), and the VAE's decoder too (``all``); ``none`` does nothing.

    Every network is one graph, cross-frame attention included: one for passes that lead, one for those that follow.
    Shapes are taken as they come, so a chunk of another size, such as the last one, is compiled for itself.

    Args:
        backbone: whose networks.
        what: none, unet or all.
        backend: of torch.compile.
        fullgraph: refuse code that would have to run between two graphs.

    Raises:
        ConfigError: if this machine has nothing that the compiler needs.
    """
    if what == "none":
        return
    if backend == "inductor":
        check_compiler(what, backbone.device)
    # All networks of diffusers run through one wrapper, so that their graphs count together: passes that lead and that
    # follow, of whole and of last chunks, with a gradient and without.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _GRAPHS)
    for network in (backbone.unet, *backbone.controlnets):
        network.compile(backend=backend, fullgraph=fullgraph, dynamic=False)
    if what == "all":
        backbone.vae.decoder.compile(backend=backend, fullgraph=fullgraph, dynamic=False)


def check_compiler(what: str, device: torch.device) -> None:
    """Refuse to compile where the tools are missing, before the first step finds out.

    Raises:
        ConfigError: naming what to install.
    """
    if device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise ConfigError(f"setup.compile={what} on CUDA needs triton: install it, or set setup.compile=none")
        return
    named = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ([named] if named else _COMPILERS)):
        raise ConfigError(
            f"setup.compile={what} on {device.type} needs a C++ compiler, and there is "
            f"{'none at CXX=' + named if named else 'no g++ or clang++'}: install one, or set setup.compile=none"
        )


def fast_math(device: torch.device, *, enabled: bool) -> None:
    """Let CUDA multiply in TF32 and cuDNN try its algorithms (``setup.fast_math``); nothing changes elsewhere."""
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = enabled
        torch.backends.cudnn.benchmark = enabled
