"""The networks: UNet, VAE, text encoder, tokenizer, scheduler and ControlNet, loaded by ``from_pretrained``.

One loader serves the embedded model, a user's folder and a hub id: nothing here knows which of them it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from latentman.config import ConditionerConfig, SetupConfig
from latentman.diffusion.checkpoint import check_model_directory, check_shapes, folder_digest, local_folder
from latentman.errors import ConfigError, WeightsError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


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

    def networks(self, modules: Iterable[str]) -> dict[str, Any]:
        """Return the networks that ``sampler.modules`` names; ``controlnet`` means all of them."""
        found: dict[str, Any] = {"unet": self.unet} if "unet" in modules else {}
        if "controlnet" in modules:
            found |= {f"controlnet_{index}": network for index, network in enumerate(self.controlnets)}
        return found

    @property
    def vae_scale_factor(self) -> int:
        """Pixels per latent cell along each axis."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def latent_channels(self) -> int:
        """Channels of the latents."""
        return int(self.unet.config.in_channels)


def pick_device(name: str) -> torch.device:
    """Return the torch device for ``device=auto|cpu|cuda|cuda:N|mps``.

    Raises:
        ConfigError: if torch does not know the device or this machine does not have it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device={name} is unknown: use auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device={name}: this torch sees {torch.cuda.device_count()} CUDA devices; use device=auto or cpu"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(f"device={name}: this machine has no MPS device; use device=auto or cpu")
    return device


def _component_classes() -> dict[str, Any]:
    from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel

    return {"unet": UNet2DConditionModel, "controlnet": ControlNetModel, "vae": AutoencoderKL}


def check_setup(setup: SetupConfig) -> None:
    """Find whatever is wrong with the setup's folders before any weight is loaded; a hub id is left to the loader.

    Raises:
        WeightsError: naming the folder, file or tensor.
    """
    model = local_folder(setup.model)
    controlnet = local_folder(setup.controlnet) if setup.controlnet else None
    if model is None:
        return
    if setup.controlnet is None or controlnet is not None:
        check_model_directory(model, controlnet)
    for component, cls in _component_classes().items():
        folder = controlnet if component == "controlnet" and controlnet else model / component
        if not folder.is_dir():
            continue
        try:
            with torch.device("meta"):
                network = cls.from_config(cls.load_config(folder))
        except (TypeError, ValueError, KeyError) as error:
            raise WeightsError(f"{folder / 'config.json'} describes no {cls.__name__}: {error}") from error
        check_shapes(folder, component, {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})


def model_digests(setup: SetupConfig) -> dict[str, str]:
    """Return what identifies the setup's weights: a hash of a folder, or a hub id with its revision."""
    digests = {}
    for key, reference, revision in (
        ("model", setup.model, setup.revision),
        ("controlnet", setup.controlnet, setup.controlnet_revision),
    ):
        if reference is None:
            continue
        folder = local_folder(reference)
        digests[key] = folder_digest(folder) if folder else f"{reference}@{revision or 'main'}"
    return digests


def _load(what: str, load: Callable[..., Any], source: Path | str, **options: Any) -> Any:
    """Call a ``from_pretrained`` and turn what it raises into one clear message."""
    try:
        return load(str(source), **options)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"cannot load the {what} from {source}: {first}\n"
            "give setup.model (or setup.controlnet) a folder on this machine, or a hub id that this machine can reach"
        ) from error


def _load_network(what: str, cls: Any, source: Path | str, **options: Any) -> Any:
    """Load weights and refuse a checkpoint in which some of the network's tensors are missing."""
    network, info = _load(what, cls.from_pretrained, source, output_loading_info=True, **options)
    missing = sorted(info["missing_keys"])
    if missing:
        raise WeightsError(f"the {what} in {source} lacks {len(missing)} tensors, first {missing[0]}; fetch it again")
    return network


def _quiet_libraries() -> None:
    """Switch off the libraries' own progress bars; the run has its own."""
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()


def load_backbone(setup: SetupConfig, conditioner: ConditionerConfig, device: torch.device) -> Backbone:
    """Load every network of a setup onto ``device``.

    Raises:
        WeightsError: if a component is missing, damaged, of the wrong shape, or cannot be fetched.
    """
    from diffusers import DDIMScheduler
    from transformers import CLIPTextModel, CLIPTokenizer

    _quiet_libraries()
    check_setup(setup)
    model: Path | str = local_folder(setup.model) or setup.model
    automatic = "float16" if device.type == "cuda" else "float32"
    dtype = DTYPES[automatic if setup.dtype == "auto" else setup.dtype]
    revision = {} if isinstance(model, Path) else {"revision": setup.revision}
    # Without torch_dtype, transformers loads a checkpoint in the precision it was saved in.
    networks: dict[str, Any] = {}
    for component, cls in _component_classes().items():
        if component != "controlnet":
            networks[component] = _load_network(
                component, cls, model, torch_dtype=dtype, subfolder=component, **revision
            )
    controlnets = _load_controlnets(setup, conditioner, model, dtype)
    text = {"subfolder": "text_encoder", **revision}
    networks["text_encoder"] = _load_network("text encoder", CLIPTextModel, model, torch_dtype=dtype, **text)
    for network in (*networks.values(), *controlnets):
        network.eval().requires_grad_(False)
        network.to(device=device, memory_format=torch.channels_last)
    stems = tuple(network.controlnet_cond_embedding for network in controlnets)
    for network in controlnets:
        network.controlnet_cond_embedding = nn.Identity()
    return Backbone(
        **networks,
        controlnets=controlnets,
        control_embeddings=stems,
        tokenizer=_load("tokenizer", CLIPTokenizer.from_pretrained, model, subfolder="tokenizer", **revision),
        scheduler=_load("scheduler", DDIMScheduler.from_pretrained, model, subfolder="scheduler", **revision),
        device=device,
        dtype=dtype,
    )


def _load_controlnets(
    setup: SetupConfig, conditioner: ConditionerConfig, model: Path | str, dtype: torch.dtype
) -> tuple[Any, ...]:
    """Load the ControlNets of ``conditioner.nets``, in order."""
    if conditioner.name not in ("controlnet", "multi_controlnet"):
        return ()
    cls, loaded = _component_classes()["controlnet"], []
    for net in conditioner.nets:
        where: dict[str, Any] = {}
        if net.model is not None:
            source, revision = local_folder(net.model) or net.model, net.revision
        elif setup.controlnet is not None:
            source, revision = local_folder(setup.controlnet) or setup.controlnet, setup.controlnet_revision
        else:
            source, revision, where = model, setup.revision, {"subfolder": "controlnet"}
        if not isinstance(source, Path):
            where["revision"] = revision
        loaded.append(_load_network(f"{net.kind} ControlNet", cls, source, torch_dtype=dtype, **where))
    return tuple(loaded)
