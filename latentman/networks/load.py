"""Loads the networks of a setup.

One loader serves the embedded model, a user's folder, a single file and a hub id, of Stable Diffusion 1.x, SDXL, and
the transformers in ``joint_load.py``: the files decide which of them it is, never the setup's name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from latentman.config import ConditionerConfig, SetupConfig
from latentman.networks.architecture import Architecture
from latentman.networks.backbone import Backbone
from latentman.networks.compile import compile_networks, fast_math
from latentman.networks.ip_adapter import load_ip_adapter
from latentman.networks.joint_load import (
    controlnet_class,
    load_joint,
    load_joint_tokenizers,
    share_positions,
    stem_name,
)
from latentman.networks.lora import fuse_loras
from latentman.networks.offload import come_when_called
from latentman.networks.resolved import ResolvedSetup, resolve_setup
from latentman.networks.single_file import load_single_file
from latentman.networks.sources import attempt, load_network
from latentman.networks.tiny_decoder import load_tiny_decoder
from latentman.system.device import DTYPES, check_dtype, choose_dtype, is_emulated, name_of_several, needing_memory

logger = logging.getLogger("latentman.networks")

_LATENT_DDIM = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
"""How Stable Diffusion's models are sampled, where their scheduler's configuration does not say."""


def load_backbone(setup: SetupConfig, conditioner: ConditionerConfig, device: torch.device) -> Backbone:
    """Resolve, check and load every network of a setup, as :func:`load_networks`."""
    return load_networks(resolve_setup(setup, conditioner), device)


def load_networks(found: ResolvedSetup, device: torch.device, dtype: str | None = None) -> Backbone:
    """Load every network of a setup onto ``device``, or next to it with ``setup.offload``.

    Args:
        found: the setup; it is checked first, unless it was before.
        device: where the networks run.
        dtype: their precision; None means what ``setup.dtype`` stands for on this device.

    Raises:
        WeightsError: if a component is missing, damaged, of the wrong shape, of another family, or cannot be fetched.
        ConfigError: if the setup's sizes are not those of its networks, it cannot be compiled here, or the card lacks
            the precision.
        DataError: if an IP-Adapter's picture cannot be read.
        DeviceMemoryError: if the device's memory does not hold the networks.
    """
    _quiet_libraries()
    found.check()
    setup = found.setup
    name = choose_dtype(setup.dtype if dtype is None else dtype, device)
    check_dtype(name, device)
    if (used := name_of_several(device)) is not None:
        logger.info(used)
    if is_emulated(name, device):
        logger.warning(
            "setup.dtype=%s is emulated on this CPU and many times slower than float32: use setup.dtype=auto", name
        )
    backbone = _build(found, device, DTYPES[name])
    with needing_memory("the networks", "set setup.offload=true, or setup.dtype=float16"):
        _place(backbone)
    fast_math(device, enabled=setup.fast_math)
    compile_networks(backbone, setup.compile)
    return backbone


def _build(found: ResolvedSetup, device: torch.device, dtype: torch.dtype) -> Backbone:
    """Load the networks into the computer's memory, adapted by LoRAs and IP-Adapter."""
    architecture = found.architecture
    networks = load_joint(found, dtype) if architecture.family.is_joint else _load_model(found, dtype)
    steering = _load_nets(architecture, dtype)
    if found.loras:
        fuse_loras(found.loras, {name: network for name, network in networks.items() if name != "vae"})
    image = None if found.ip_adapter is None else load_ip_adapter(found.ip_adapter, networks["unet"], dtype)
    controlnets = () if architecture.has_adapter else steering
    stem = stem_name(architecture.family)
    stems = tuple(getattr(net, stem) for net in controlnets)
    for network in controlnets:
        setattr(network, stem, nn.Identity())
    if architecture.family.is_joint:
        share_positions(networks["unet"], controlnets)
    return Backbone(
        **networks,
        **(load_joint_tokenizers if architecture.family.is_joint else _load_tokenizers_and_scheduler)(found),
        controlnets=controlnets,
        adapter=steering[0] if architecture.has_adapter else None,
        control_embeddings=stems,
        image_prompt=image,
        tiny_decoder=load_tiny_decoder(found, networks["vae"], dtype),
        image_size=found.setup.image_size,
        family=architecture.family,
        device=device,
        dtype=dtype,
        offload=found.setup.offload,
    )


def _load_model(found: ResolvedSetup, dtype: torch.dtype) -> dict[str, Any]:
    """Load UNet, VAE and text encoders by name."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    architecture = found.architecture
    classes = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    if architecture.is_sdxl:
        classes["text_encoder_2"] = CLIPTextModelWithProjection
    dtypes = dict.fromkeys(classes, dtype)
    # SDXL's VAE overflows in fp16, as its configuration says; that of Stable Diffusion 1.x says so by default, and does
    # not.
    if architecture.is_sdxl and dtype == torch.float16 and architecture.vae.get("force_upcast", True):
        dtypes["vae"] = torch.float32
    if found.single_file is not None:
        return load_single_file(found.single_file, found.model, is_sdxl=architecture.is_sdxl, dtypes=dtypes)
    return {
        name: load_network(name.replace("_", " "), cls, found.model.part(name), name, dtypes[name])
        for name, cls in classes.items()
    }


def _load_tokenizers_and_scheduler(found: ResolvedSetup) -> dict[str, Any]:
    """Load tokenizers and scheduler by name."""
    from diffusers import DDIMScheduler
    from transformers import CLIPTokenizer

    names = ("tokenizer", "tokenizer_2") if found.architecture.is_sdxl else ("tokenizer",)
    loaded = {name: attempt(name, CLIPTokenizer.from_pretrained, found.model.part(name)) for name in names}
    # The configuration of another scheduler lacks these values, and DDIM's own defaults are not for latents.
    return loaded | {"scheduler": DDIMScheduler.from_config(_LATENT_DDIM | dict(found.architecture.scheduler))}


def _load_nets(found: Architecture, dtype: torch.dtype) -> tuple[Any, ...]:
    """Load the networks of ``conditioner.nets``, in order."""
    from diffusers import T2IAdapter

    cls = T2IAdapter if found.has_adapter else controlnet_class(found.family)
    component = "adapter" if found.has_adapter else "controlnet"
    return tuple(
        load_network(net.name, cls, net.source, component, dtype, pickled=found.has_adapter) for net, _ in found.nets
    )


def _place(backbone: Backbone) -> None:
    """Freeze networks and move them to where they wait: the device, or the computer's memory."""
    waiting = torch.device("cpu") if backbone.offload else backbone.device
    for network in _networks_of(backbone):
        network.eval().requires_grad_(False)
        network.to(device=waiting, memory_format=torch.channels_last)
        if backbone.offload and network not in (backbone.vae, backbone.tiny_decoder):
            come_when_called(network, backbone.device)
    stems: Iterable[Any] = backbone.control_embeddings
    for stem in stems:
        stem.eval().requires_grad_(False)
        stem.to(device=backbone.device, memory_format=torch.channels_last)
    if backbone.offload:
        vae = backbone.vae
        # A transformer's ControlNets read pictures that the VAE has encoded.
        reads = (vae.encoder, vae.quant_conv) if backbone.family.is_joint else ()
        entries = (vae.post_quant_conv, vae.decoder, *reads)
        come_when_called(vae, backbone.device, [part for part in entries if part])
        if backbone.tiny_decoder is not None:
            come_when_called(backbone.tiny_decoder, backbone.device, [backbone.tiny_decoder.decoder])


def _networks_of(backbone: Backbone) -> list[Any]:
    """Return all networks except the ControlNets' stems."""
    image = backbone.image_prompt
    found = [
        *(backbone.unet, backbone.vae, backbone.text_encoder, backbone.text_encoder_2, backbone.t5),
        *(*backbone.controlnets, backbone.adapter, None if image is None else image.encoder),
        backbone.tiny_decoder,
    ]
    return [network for network in found if network is not None]


def _quiet_libraries() -> None:
    """Switch off the libraries' own progress bars; the run has its own."""
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
