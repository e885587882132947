"""What the server of :mod:`tests.factories.program` does once: import what a run uses, and read ``conf/``."""

import contextlib
import gc
import importlib
import pkgutil

import diffusers
import torch
import transformers

import latentman
from latentman.engine.compose import check_command, compose

torch.set_num_threads(1)
PARTS = (
    diffusers.AutoencoderKL,
    diffusers.ControlNetModel,
    diffusers.DDIMScheduler,
    diffusers.UNet2DConditionModel,
    transformers.CLIPTextModel,
    transformers.CLIPTokenizer,
)
"""Classes that the packages import when they are first asked for."""

for module in pkgutil.walk_packages(latentman.__path__, "latentman."):
    # What needs an extra that is not installed is not used either.
    with contextlib.suppress(ImportError):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
compose([])
check_command([])
gc.collect()
gc.freeze()
