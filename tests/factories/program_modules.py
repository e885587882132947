"""What the server of :mod:`tests.factories.program` imports once: everything that a run uses."""

import diffusers
import torch
import transformers

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
