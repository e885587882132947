"""Loads the networks of a setup.

One loader serves the embedded model, a user's folder, a single file and a hub id, of Stable Diffusion 1.x and of SDXL:
the files decide which of them it is, never the setup's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from latentman.config import ConditionerConfig, SetupConfig
from latentman.networks.architecture import Architecture, check_architecture, model_source, read_architecture
from latentman.networks.backbone import Backbone
from latentman.networks.checkpoint import local_path
from latentman.networks.compile import compile_networks, fast_math
from latentman.networks.ip_adapter import load_ip_adapter
from latentman.networks.lora import fuse_loras
from latentman.networks.offload import come_when_called
from latentman.networks.setup_files import check_setup
from latentman.networks.single_file import load_single_file
from latentman.networks.sources import attempt, load_network
from latentman.system.device import DTYPES, needing_memory

_LATENT_DDIM = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
"""How Stable Diffusion's models are sampled, where their scheduler's configuration does not say."""


def load_backbone(setup: SetupConfig, conditioner: ConditionerConfig, device: torch.device) -> Backbone:
    """Load every network of a setup onto ``device``, or next to it with ``setup.offload``.

    Raises:
        WeightsError: if a component is missing, damaged, of the wrong shape, of another family, or cannot be fetched.
        ConfigError: if the setup's sizes are not those of its networks, or it cannot be compiled here.
        DeviceMemoryError: if the device's memory does not hold the networks.
    """
    _quiet_libraries()
    check_setup(setup, conditioner)
    found = read_architecture(setup, conditioner)
    check_architecture(found, setup)
    automatic = "float16" if device.type == "cuda" else "float32"
    dtype = DTYPES[automatic if setup.dtype == "auto" else setup.dtype]
    networks = _load_model(setup, found, dtype)
    steering = _load_nets(found, dtype)
    fuse_loras(setup.loras, {name: network for name, network in networks.items() if name != "vae"})
    image = load_ip_adapter(setup.ip_adapter, networks["unet"], dtype)
    stems = () if found.has_adapter else tuple(net.controlnet_cond_embedding for net in steering)
    for network in () if found.has_adapter else steering:
        network.controlnet_cond_embedding = nn.Identity()
    backbone = Backbone(
        **networks,
        **_load_tokenizers_and_scheduler(setup, found),
        controlnets=() if found.has_adapter else steering,
        adapter=steering[0] if found.has_adapter else None,
        control_embeddings=stems,
        image_prompt=image,
        image_size=setup.image_size,
        device=device,
        dtype=dtype,
        offload=setup.offload,
    )
    with needing_memory("the networks", "set setup.offload=true, or setup.dtype=float16"):
        _place(backbone, [*networks.values(), *steering, *([image.encoder] if image else [])])
    fast_math(device, enabled=setup.fast_math)
    compile_networks(backbone, setup.compile)
    return backbone


def _load_model(setup: SetupConfig, found: Architecture, dtype: torch.dtype) -> dict[str, Any]:
    """Load UNet, VAE and text encoders by name."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    classes = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    if found.is_sdxl:
        classes["text_encoder_2"] = CLIPTextModelWithProjection
    dtypes = dict.fromkeys(classes, dtype)
    # SDXL's VAE overflows in fp16 and says so; that of Stable Diffusion 1.x says the same by default, and does not.
    if found.is_sdxl and dtype == torch.float16 and found.vae.get("force_upcast", True):
        dtypes["vae"] = torch.float32
    source, path = model_source(setup), local_path(setup.model)
    if path is not None and path.is_file():
        return load_single_file(path, source, is_sdxl=found.is_sdxl, dtypes=dtypes)
    return {
        name: load_network(name.replace("_", " "), cls, source.part(name), name, dtypes[name])
        for name, cls in classes.items()
    }


def _load_tokenizers_and_scheduler(setup: SetupConfig, found: Architecture) -> dict[str, Any]:
    """Load tokenizers and scheduler by name."""
    from diffusers import DDIMScheduler
    from transformers import CLIPTokenizer

    source = model_source(setup)
    names = ("tokenizer", "tokenizer_2") if found.is_sdxl else ("tokenizer",)
    loaded = {name: attempt(name, CLIPTokenizer.from_pretrained, source.part(name)) for name in names}
    # A model saved with another scheduler says nothing of these, and DDIM's own defaults are not for latents.
    return loaded | {"scheduler": DDIMScheduler.from_config(_LATENT_DDIM | dict(found.scheduler))}


def _load_nets(found: Architecture, dtype: torch.dtype) -> tuple[Any, ...]:
    """Load the networks of ``conditioner.nets``, in order."""
    from diffusers import ControlNetModel, T2IAdapter

    component, cls = ("adapter", T2IAdapter) if found.has_adapter else ("controlnet", ControlNetModel)
    return tuple(
        load_network(net.name, cls, net.source, component, dtype, pickled=found.has_adapter) for net, _ in found.nets
    )


def _place(backbone: Backbone, networks: Iterable[Any]) -> None:
    """Freeze networks and take them to where they wait: the device, or the computer's memory."""
    waiting = torch.device("cpu") if backbone.offload else backbone.device
    for network in networks:
        network.eval().requires_grad_(False)
        network.to(device=waiting, memory_format=torch.channels_last)
        if backbone.offload and network is not backbone.vae:
            come_when_called(network, backbone.device)
    stems: Iterable[Any] = backbone.control_embeddings
    for stem in stems:
        stem.eval().requires_grad_(False)
        stem.to(device=backbone.device, memory_format=torch.channels_last)
    if backbone.offload:
        vae = backbone.vae
        come_when_called(vae, backbone.device, [part for part in (vae.post_quant_conv, vae.decoder) if part])


def _quiet_libraries() -> None:
    """Switch off the libraries' own progress bars; the run has its own."""
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
