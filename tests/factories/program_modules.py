"""What the server of :mod:`tests.factories.program` imports once: everything that a run uses."""

import diffusers
import hydra.main
import torch
import transformers

import latentman.body.fit
import latentman.diffusion.decode
import latentman.diffusion.denoise
import latentman.engine.launch
import latentman.engine.loader
import latentman.engine.runner
import latentman.metrics.compute
import latentman.networks.load
import latentman.pipeline.execute
import latentman.pipeline.sampling
import latentman.report.build
import latentman.report.pages.page
from latentman.pipeline.stages import STAGES

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
