"""What the server of :mod:`tests.factories.program` does once: import what a run uses, and read ``conf/``."""

import gc
import importlib
import pkgutil

import diffusers
import torch
import transformers

import latentman
from latentman.engine.compose import compose

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
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
compose([])
gc.collect()
gc.freeze()
