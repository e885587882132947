"""What a setup and a conditioner need: networks, LoRAs, an IP-Adapter and its picture. Reads headers only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.assets.finding import MISSING, PRESENT, Finding, size_of
from latentman.assets.hub import hub_finding
from latentman.errors import LatentManError
from latentman.system.paths import user_path

if TYPE_CHECKING:
    from latentman.config import Config
    from latentman.config.setup import IpAdapterConfig


def backbone_findings(config: Config) -> Iterator[Finding]:
    """Yield a finding for every network and picture that the run's frames are made with."""
    setup, conditioner = config.setup, config.conditioner
    uses_own_net = any(net.model is None for net in conditioner.nets)
    yield from _model(config, with_controlnet=uses_own_net and setup.controlnet is None)
    component = "adapter" if conditioner.name == "t2i_adapter" else "controlnet"
    if setup.controlnet is not None and uses_own_net:
        yield _network("setup.controlnet", setup.controlnet, lambda folder: _check_part(folder, component))
    for index, net in enumerate(conditioner.nets):
        if net.model is not None:
            key = f"conditioner.nets[{index}].model"
            yield _network(key, net.model, lambda folder: _check_part(folder, component))
    for index, lora in enumerate(setup.loras):
        yield _lora(f"setup.loras[{index}]", lora.path)
    if setup.ip_adapter.image is not None:
        yield from _ip_adapter(setup.ip_adapter)


def _model(config: Config, *, with_controlnet: bool) -> Iterator[Finding]:
    from latentman.networks.checkpoint import local_path

    setup = config.setup
    try:
        path = local_path(setup.model)
    except LatentManError as error:
        yield Finding("setup.model", MISSING, setup.model, problem=str(error))
        return
    if path is not None and path.is_file():
        yield _single_file(path)
        if setup.architecture is None:
            problem = "setup.model is a single file: setup.architecture must name a folder or hub id of its family"
            yield Finding("setup.architecture", MISSING, "-", problem=problem)
        else:
            yield _network("setup.architecture", setup.architecture, _check_configurations)
        return
    yield _network("setup.model", setup.model, lambda folder: _check_model(folder, with_controlnet=with_controlnet))


def _single_file(path: Path) -> Finding:
    from latentman.networks.single_file import check_single_file

    try:
        check_single_file(path)
    except LatentManError as error:
        return Finding("setup.model", MISSING, str(path), problem=str(error))
    return Finding("setup.model", PRESENT, str(path), "your own", size_of(path))


def _network(key: str, reference: str, check: Callable[[Path], None]) -> Finding:
    from latentman.networks.checkpoint import local_folder

    try:
        folder = local_folder(reference, key)
        if folder is None:
            return hub_finding(key, key, reference)
        check(folder)
    except LatentManError as error:
        return Finding(key, MISSING, reference, problem=str(error))
    return Finding(key, PRESENT, str(folder), "your own", size_of(folder))


def _check_model(folder: Path, *, with_controlnet: bool) -> None:
    from latentman.networks.checkpoint import check_part, model_components

    for component in (*model_components(folder), *(("controlnet",) if with_controlnet else ())):
        check_part(folder / component, component)


def _check_configurations(folder: Path) -> None:
    from latentman.networks.setup_files import check_model_files

    check_model_files(folder, weights_are_elsewhere=True)


def _check_part(folder: Path, component: str) -> None:
    from latentman.networks.checkpoint import check_part

    check_part(folder, component)


def _lora(key: str, reference: str) -> Finding:
    from latentman.config.setup import LoraConfig
    from latentman.networks.checkpoint import read_header
    from latentman.networks.lora import lora_file

    try:
        path = lora_file(LoraConfig(reference))
        read_header(path)
    except LatentManError as error:
        return Finding(key, MISSING, reference, problem=str(error))
    return Finding(key, PRESENT, str(path), "your own", size_of(path))


def _ip_adapter(cfg: IpAdapterConfig) -> Iterator[Finding]:
    from latentman.networks.ip_adapter import check_ip_adapter, weight_source

    key, picture = "setup.ip_adapter", user_path(str(cfg.image))
    try:
        folder = weight_source(cfg).folder
        check_ip_adapter(cfg, None)
    except LatentManError as error:
        yield Finding(key, MISSING, str(cfg.model), problem=str(error))
        return
    found = hub_finding(key, f"{key}.model", str(cfg.model)) if folder is None else Finding(
        key, PRESENT, str(folder), "your own", size_of(folder / cfg.subfolder / cfg.weight_name)
    )  # fmt: skip
    yield replace(found, asset=key)
    yield Finding(f"{key}.image", PRESENT, str(picture), "your own", size_of(picture))
