"""What is wrong with a setup's files, found before any weight is loaded, and what identifies them in the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from latentman.config import ConditionerConfig, SetupConfig
from latentman.errors import WeightsError
from latentman.networks.architecture import (
    Net,
    check_architecture,
    model_source,
    read_architecture,
    steering_nets,
)
from latentman.networks.checkpoint import (
    CONFIG_FILES,
    check_component,
    check_part,
    check_shapes,
    file_digest,
    folder_digest,
    local_path,
    model_components,
)
from latentman.networks.ip_adapter import check_ip_adapter, encoder_source, weight_source
from latentman.networks.lora import lora_file, plan_changes
from latentman.networks.single_file import check_family, check_single_file
from latentman.networks.sources import Source
from latentman.system.paths import user_path


def check_setup(setup: SetupConfig, conditioner: ConditionerConfig) -> None:
    """Find whatever is wrong with the setup's files before any weight is loaded; a hub id is left to the loader.

    Raises:
        WeightsError: naming the folder, file or tensor, or the two numbers that do not fit.
        ConfigError: if the setup's sizes are not those of its networks.
        DataError: if an IP-Adapter's picture cannot be read.
    """
    path = local_path(setup.model)
    if path is not None and path.is_file():
        check_single_file(path)
    model, nets = model_source(setup), steering_nets(setup, conditioner)
    if model.folder is not None:
        check_model_files(model.folder, weights_are_elsewhere=path is not None and path.is_file())
    component = "adapter" if conditioner.name == "t2i_adapter" else "controlnet"
    for net in nets:
        if net.source.folder is not None:
            check_part(net.source.folder, component)
    for lora in setup.loras:
        lora_file(lora)
    width = None
    if model.folder is not None:
        width = _check_networks(setup, conditioner, model, nets, path)
    if setup.ip_adapter.image is not None:
        check_ip_adapter(setup.ip_adapter, width)


def check_model_files(folder: Path, *, weights_are_elsewhere: bool) -> None:
    """Check that a model's folder is whole; of one that describes a single file, the configurations and tokenizer.

    Raises:
        WeightsError: naming what is missing or damaged.
    """
    for component in model_components(folder):
        if not weights_are_elsewhere or component in CONFIG_FILES:
            check_part(folder / component, component)
        elif not (folder / component / "config.json").is_file():
            raise WeightsError(
                f"setup.architecture: {folder} lacks {component}/config.json; copy the configurations of a whole model"
            )


def _check_networks(
    setup: SetupConfig, conditioner: ConditionerConfig, model: Source, nets: list[Net], path: Path | None
) -> int:
    """Compare configurations with each other and with the weights' shapes, and return the text's width."""
    from diffusers import AutoencoderKL, ControlNetModel, T2IAdapter, UNet2DConditionModel

    here = ConditionerConfig(conditioner.name, nets=list(conditioner.nets))
    if any(net.source.folder is None for net in nets):  # theirs are read when they are loaded
        here = ConditionerConfig("none")
    found = read_architecture(setup, here)
    check_architecture(found, setup)
    shapes: list[tuple[Source, str, Any]] = []
    if path is not None and path.is_file():
        check_family(path, found)
    else:
        shapes += [(model.part("unet"), "unet", UNet2DConditionModel), (model.part("vae"), "vae", AutoencoderKL)]
    net = ("adapter", T2IAdapter) if found.has_adapter else ("controlnet", ControlNetModel)
    shapes += [(steering.source, *net) for steering, _ in found.nets]
    for source, component, cls in shapes:
        _check_tensors(source, component, cls)
    if setup.loras:
        _check_loras(setup, found)
    return int(found.unet["cross_attention_dim"])


def _check_tensors(source: Source, component: str, cls: Any) -> None:
    folder = source.folder
    assert folder is not None
    check_component(folder, component)
    try:
        with torch.device("meta"):
            network = cls.from_config(cls.load_config(folder))
    except (TypeError, ValueError, KeyError) as error:
        raise WeightsError(f"{folder / 'config.json'} describes no {cls.__name__}: {error}") from error
    check_shapes(folder, component, {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})


def _check_loras(setup: SetupConfig, found: Any) -> None:
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    with torch.device("meta"):
        networks: dict[str, Any] = {
            "unet": UNet2DConditionModel.from_config(found.unet), "text_encoder": CLIPTextModel(found.text)
        }  # fmt: skip
        if found.text_2 is not None:
            networks["text_encoder_2"] = CLIPTextModelWithProjection(found.text_2)
    for lora in setup.loras:
        plan_changes(lora_file(lora), networks)


def model_digests(setup: SetupConfig, conditioner: ConditionerConfig) -> dict[str, str]:
    """Return what identifies all weights and pictures of a setup: hashes, or hub ids with their revisions."""
    digests = {"model": _digest(setup.model, setup.revision)}
    if setup.controlnet is not None:
        digests["controlnet"] = _digest(setup.controlnet, setup.controlnet_revision)
    if setup.architecture is not None and (path := local_path(setup.model)) is not None and path.is_file():
        digests["architecture"] = _digest(setup.architecture, setup.architecture_revision)
    for index, net in enumerate(conditioner.nets):
        if net.model is not None:
            digests[f"net_{index}"] = _digest(net.model, net.revision)
    for index, lora in enumerate(setup.loras):
        digests[f"lora_{index}"] = file_digest(lora_file(lora))
    cfg = setup.ip_adapter
    if cfg.image is not None and cfg.model is not None:
        folder, encoder = weight_source(cfg).folder, encoder_source(cfg).folder
        digests["ip_adapter"] = (
            file_digest(folder / cfg.subfolder / cfg.weight_name) if folder else _digest(cfg.model, cfg.revision)
        )
        if encoder is not None:
            digests["image_encoder"] = folder_digest(encoder)
        digests["ip_adapter_image"] = file_digest(user_path(cfg.image))
    return digests


def _digest(reference: str, revision: str | None) -> str:
    path = local_path(reference)
    if path is None:
        return f"{reference}@{revision or 'main'}"
    return file_digest(path) if path.is_file() else folder_digest(path)
