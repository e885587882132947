"""Whether the files of a setup fit each other and its sizes; headers and configurations are read, never weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from latentman.errors import WeightsError
from latentman.files.opening import reason
from latentman.networks.architecture import Architecture
from latentman.networks.checkpoint import CONFIG_FILES, check_component, check_part, check_shapes
from latentman.networks.classes import controlnet_class, predictor_class
from latentman.networks.families import family_of_folder
from latentman.networks.ip_adapter import check_ip_adapter
from latentman.networks.lora import plan_changes
from latentman.networks.scheduler import build_scheduler
from latentman.networks.single_file import check_family
from latentman.networks.sources import Source
from latentman.networks.tiny_decoder import check_latent_space

if TYPE_CHECKING:
    from latentman.networks.resolved import ResolvedSetup


def check_fit(found: ResolvedSetup) -> None:
    """Compare networks with each other, with their weights' shapes and with the setup's sizes.

    What only the hub has is compared when it is loaded.

    Raises:
        WeightsError: naming the file or tensor, or the two numbers that do not fit.
        ConfigError: if the setup's sizes are not those of its networks.
    """
    if found.model.path is None:
        return
    from diffusers import AutoencoderTiny

    nets_are_here = all(net.source.path is not None for net in found.nets)
    architecture = found.architecture if nets_are_here else found.model_architecture
    build_scheduler(architecture.scheduler, flow=architecture.family.is_joint)
    _check_shapes(found, architecture)
    if found.tiny_decoder is not None and found.tiny_decoder.path is not None:
        _check_tensors(found.tiny_decoder, "tiny_decoder", AutoencoderTiny)
        check_latent_space(found.tiny_decoder, architecture)
    if found.loras:
        networks = _empty_networks(architecture)
        for lora in found.loras:
            plan_changes(lora.path, networks)
    if found.ip_adapter is not None:
        check_ip_adapter(found.ip_adapter, int(architecture.unet["cross_attention_dim"]))


def check_model_files(folder: Path, *, weights_are_elsewhere: bool, t5: bool = True) -> None:
    """Check that a model's folder is whole; of one that describes a single file, the configurations and tokenizer.

    Args:
        folder: of the model.
        weights_are_elsewhere: whether its weights are a single file.
        t5: whether T5 is read, where the family has one.

    Raises:
        WeightsError: naming what is missing or damaged.
    """
    family = family_of_folder(folder)
    for component in family.components(t5=t5 or family.needs_t5):
        if family.t5 is not None and component in family.t5 and not (folder / component).is_dir():
            without = "" if family.needs_t5 else ", or do without T5: setup.t5=false"
            raise WeightsError(f"{folder} is incomplete: there is no folder {component} of T5 in it; fetch it{without}")
        if not weights_are_elsewhere or component in CONFIG_FILES:
            check_part(folder / component, component)
        elif not (folder / component / "config.json").is_file():
            raise WeightsError(
                f"setup.architecture: {folder} lacks {component}/config.json; copy the configurations of a whole model"
            )


def _check_shapes(found: ResolvedSetup, architecture: Architecture) -> None:
    """Compare the tensors of UNet, VAE and the networks that steer the figure with their configurations."""
    from diffusers import AutoencoderKL, T2IAdapter

    family = architecture.family
    if found.single_file is not None:
        check_family(found.single_file, architecture)
    else:
        _check_tensors(found.model.part(family.predictor), family.predictor, predictor_class(family))
        _check_tensors(found.model.part("vae"), "vae", AutoencoderKL)
    cls = T2IAdapter if architecture.has_adapter else controlnet_class(family)
    for net, _ in architecture.nets:
        _check_tensors(net.source, found.net_component, cls)


def _check_tensors(source: Source, component: str, cls: Any) -> None:
    folder = source.path
    assert folder is not None
    check_component(folder, component)
    try:
        with torch.device("meta"):
            network = cls.from_config(cls.load_config(folder))
    except Exception as error:  # a number that does not divide, a class of its own for a wrong type, and others
        raise WeightsError(f"{folder / 'config.json'} does not describe a {cls.__name__}: {reason(error)}") from error
    check_shapes(folder, component, {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})


def _empty_networks(architecture: Architecture) -> dict[str, Any]:
    """Return UNet and text encoders without numbers, whose layers a LoRA is compared with."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    try:
        with torch.device("meta"):
            networks: dict[str, Any] = {
                "unet": UNet2DConditionModel.from_config(architecture.unet),
                "text_encoder": CLIPTextModel(architecture.text),
            }
            if architecture.text_2 is not None:
                networks["text_encoder_2"] = CLIPTextModelWithProjection(architecture.text_2)
    except Exception as error:  # such as attention heads that do not divide the width
        raise WeightsError(f"setup.model: its configurations do not describe networks: {reason(error)}") from error
    return networks
