"""The networks of a setup, loaded: UNet, VAE, text encoders, tokenizers, scheduler and what steers the figure.

One loader serves the embedded model, a user's folder, a single file and a hub id, of Stable Diffusion 1.x and of SDXL:
which of them it is given is told by the files, never by the setup's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from latentman.config import ConditionerConfig, SetupConfig
from latentman.diffusion.architecture import Architecture, check_architecture, model_source, read_architecture
from latentman.diffusion.checkpoint import local_path
from latentman.diffusion.compile import compile_networks, fast_math
from latentman.diffusion.ip_adapter import ImagePrompt, load_ip_adapter
from latentman.diffusion.lora import fuse_loras
from latentman.diffusion.offload import come_when_called, send_away
from latentman.diffusion.setup_files import check_setup
from latentman.diffusion.single_file import load_single_file
from latentman.diffusion.sources import attempt, load_network
from latentman.system.device import DTYPES, needing_memory

_LATENT_DDIM = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
"""How Stable Diffusion's models are sampled, where their scheduler's configuration does not say."""


@dataclass(frozen=True)
class Backbone:
    """The loaded networks, frozen and in evaluation mode; latents and scheduler stay in fp32 whatever ``dtype`` is."""

    unet: Any
    controlnets: tuple[Any, ...]
    """In the order of ``conditioner.nets``; none where something else steers the figure."""
    control_embeddings: tuple[nn.Module, ...]
    """Their stems, taken out of them: they do not depend on t, so they run once per frame, not once per step."""
    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any
    device: torch.device
    dtype: torch.dtype

    adapter: Any = None
    """The T2I-Adapter, where one steers the figure."""
    text_encoder_2: Any = None
    """SDXL's second text encoder, whose pooled output the UNet reads too; None for other models."""
    tokenizer_2: Any = None
    image_prompt: ImagePrompt | None = None
    """An IP-Adapter's picture; its processors are on the UNet already."""
    image_size: int = 0
    """Pixels along each side of the picture, which SDXL is told."""
    offload: bool = False
    """Whether networks wait in the computer's memory and come to ``device`` when they are called."""

    def networks(self, modules: Iterable[str]) -> dict[str, Any]:
        """Return the networks that ``sampler.modules`` names; ``controlnet`` means all of them."""
        found: dict[str, Any] = {"unet": self.unet} if "unet" in modules else {}
        if "controlnet" in modules:
            found |= {f"controlnet_{index}": network for index, network in enumerate(self.controlnets)}
        return found

    @property
    def text_encoders(self) -> tuple[tuple[Any, Any], ...]:
        """Every text encoder with its tokenizer."""
        first = (self.text_encoder, self.tokenizer)
        return (first,) if self.text_encoder_2 is None else (first, (self.text_encoder_2, self.tokenizer_2))

    def part_is_over(self, part: str) -> None:
        """Let offloaded networks leave the device: those of the part ``text``, ``control`` or ``denoise``."""
        if not self.offload or self.device.type == "cpu":
            return
        if part == "text":
            send_away([encoder for encoder, _ in self.text_encoders])
            send_away([self.image_prompt.encoder] if self.image_prompt is not None else [])
        elif part == "control":
            send_away([self.adapter] if self.adapter is not None else [])
        else:
            send_away([self.unet, *self.controlnets])

    @property
    def vae_scale_factor(self) -> int:
        """Pixels per latent cell along each axis."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def latent_channels(self) -> int:
        """Channels of the latents."""
        return int(self.unet.config.in_channels)


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
