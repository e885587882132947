"""Loads the networks of a setup.

One loader serves the embedded model, a user's folder, a single file and a hub id, of Stable Diffusion 1.x, SDXL, and
the transformers of Stable Diffusion 3 and FLUX.1: the files decide which of them it is, never the setup's name.
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
from latentman.networks.classes import controlnet_class, predictor_class, stem_name, text_classes
from latentman.networks.compile import compile_networks, fast_math
from latentman.networks.families import SDXL
from latentman.networks.ip_adapter import load_ip_adapter
from latentman.networks.lora import fuse_loras
from latentman.networks.offload import come_when_called
from latentman.networks.resolved import ResolvedSetup, resolve_setup
from latentman.networks.scheduler import build_scheduler
from latentman.networks.single_file import load_single_file
from latentman.networks.sources import attempt, load_network
from latentman.networks.tiny_decoder import load_tiny_decoder
from latentman.system.device import DTYPES, check_dtype, choose_dtype, is_emulated, name_of_several, needing_memory

logger = logging.getLogger("latentman.networks")


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
    networks = _load_model(found, dtype)
    steering = _load_nets(architecture, dtype)
    if found.loras:
        fuse_loras(found.loras, {name: network for name, network in networks.items() if name != "vae"})
    image = None if found.ip_adapter is None else load_ip_adapter(found.ip_adapter, networks["unet"], dtype)
    controlnets = () if architecture.has_adapter else steering
    stem = stem_name(architecture.family)
    stems = tuple(getattr(net, stem) for net in controlnets)
    for network in controlnets:
        setattr(network, stem, nn.Identity())
    share_positions(networks["unet"], controlnets)
    return Backbone(
        **networks,
        **_load_tokenizers_and_scheduler(found),
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
    """Load the network that predicts, the VAE and the text encoders, by their names in a ``Backbone``."""
    from diffusers import AutoencoderKL
    from transformers import T5EncoderModel

    architecture, family = found.architecture, found.architecture.family
    dtypes = dict.fromkeys(("unet", "vae", "text_encoder", "text_encoder_2", "t5"), dtype)
    # SDXL's VAE overflows in fp16, as its configuration says; that of Stable Diffusion 1.x says so by default, and does
    # not.
    if family is SDXL and dtype == torch.float16 and architecture.vae.get("force_upcast", True):
        dtypes["vae"] = torch.float32
    if found.single_file is not None:
        return load_single_file(found.single_file, found.model, is_sdxl=family is SDXL, dtypes=dtypes)
    parts = {"unet": (family.predictor, predictor_class(family)), "vae": ("vae", AutoencoderKL)}
    parts |= {part: (part, cls) for part, cls in text_classes(family).items()}
    if family.t5 is not None and architecture.t5 is not None:
        parts["t5"] = (family.t5[0], T5EncoderModel)
    return {
        name: load_network(part.replace("_", " "), cls, found.model.part(part), part, dtypes[name])
        for name, (part, cls) in parts.items()
    }


def _load_tokenizers_and_scheduler(found: ResolvedSetup) -> dict[str, Any]:
    """Load tokenizers and scheduler, by their names in a ``Backbone``."""
    from transformers import CLIPTokenizer, T5TokenizerFast

    family = found.architecture.family
    loaded = {name: attempt(name, CLIPTokenizer.from_pretrained, found.model.part(name)) for _, name in family.clip}
    if family.t5 is not None and found.architecture.t5 is not None:
        name = family.t5[1]
        loaded["t5_tokenizer"] = attempt(name, T5TokenizerFast.from_pretrained, found.model.part(name))
    return loaded | {"scheduler": build_scheduler(found.architecture.scheduler, flow=family.is_joint)}


def _load_nets(found: Architecture, dtype: torch.dtype) -> tuple[Any, ...]:
    """Load the networks of ``conditioner.nets``, in order."""
    from diffusers import T2IAdapter

    cls = T2IAdapter if found.has_adapter else controlnet_class(found.family)
    component = "adapter" if found.has_adapter else "controlnet"
    return tuple(
        load_network(net.name, cls, net.source, component, dtype, pickled=found.has_adapter) for net, _ in found.nets
    )


def share_positions(predictor: Any, controlnets: Iterable[Any]) -> None:
    """Give ControlNets without positions of their own those of the transformer, as Stable Diffusion 3.5 large's."""
    for network in controlnets:
        if getattr(network.config, "use_pos_embed", True) is False:
            network.pos_embed = predictor.pos_embed


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
