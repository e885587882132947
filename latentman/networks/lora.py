"""LoRAs, added to the weights before the run: W + scale (alpha / rank) up down, in fp32 (arXiv 2106.09685, Eq. 3).

Fused, they cost nothing while sampling and leave every attention processor as it is, so that cross-frame attention is
the same with and without them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentman.config.setup import LoraConfig
from latentman.errors import WeightsError
from latentman.files.json_file import parse_json
from latentman.files.opening import FlawError
from latentman.files.safetensors_file import METADATA, opened_tensors
from latentman.networks.checkpoint import PICKLES, read_header, read_whole_header
from latentman.networks.lora_keys import flattened, parse_key, stated_alpha
from latentman.system.paths import user_path

DEFAULT_FILE = "pytorch_lora_weights.safetensors"


@dataclass
class Change:
    """One layer's change: where it goes, and the names of its tensors in the file."""

    layer: nn.Module
    network: str
    name: str
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundLora:
    """A LoRA's file on this machine, and the factor on its change."""

    path: Path
    scale: float = 1.0


def lora_file(lora: LoraConfig) -> Path:
    """Return the file of a LoRA.

    Raises:
        WeightsError: if there is none, or it is pickled.
    """
    path = user_path(lora.path)
    path = path / DEFAULT_FILE if path.is_dir() else path
    if path.suffix in PICKLES:
        raise WeightsError(
            f"setup.loras: {path} is pickled: reading it can run code, so only .safetensors files are loaded"
        )
    if not path.is_file():
        raise WeightsError(
            f"setup.loras: there is no file {path}; give a .safetensors file, or a folder with {DEFAULT_FILE}"
        )
    return path


def plan_changes(path: Path, networks: Mapping[str, nn.Module]) -> list[Change]:
    """Find the layer of every tensor of a LoRA and compare shapes; reads the file's header only.

    Args:
        path: the file.
        networks: unet, text_encoder and, of SDXL, text_encoder_2; shapes alone will do.

    Raises:
        WeightsError: naming the first tensor that has no layer, the wrong shape or an unknown kind.
    """
    header, layers = read_header(path), _layers(networks)
    unet: Any = networks["unet"]
    per_block = unet.config.layers_per_block
    changes: dict[tuple[str, str], Change] = {}
    for key in header:
        found = parse_key(key, per_block)
        if found is None:
            raise WeightsError(
                f"setup.loras: {path}: {key} does not belong to a plain LoRA (DoRA, LoHa, LoKr and others are not "
                "supported)"
            )
        layer = layers.get((found.network, found.layer))
        if layer is None:
            raise WeightsError(
                f"setup.loras: {path} does not match this model: there is no layer for {key} "
                f"({found.network}: {found.layer}); it was made for another family"
            )
        change = changes.setdefault((found.network, found.layer), Change(layer, found.network, found.layer))
        change.keys[found.part] = key
    if not changes:
        raise WeightsError(f"setup.loras: {path} holds no tensors of a LoRA")
    for change in changes.values():
        _check_shapes(path, change, {part: header[key]["shape"] for part, key in change.keys.items()})
    return list(changes.values())


def fuse_loras(loras: Sequence[FoundLora], networks: Mapping[str, nn.Module]) -> None:
    """Add LoRAs to the weights of these networks, in place and in order.

    Raises:
        WeightsError: if one of them does not match.
    """
    for lora in loras:
        _fuse(lora.path, lora.scale, plan_changes(lora.path, networks))


@torch.no_grad()
def _fuse(path: Path, scale: float, changes: Sequence[Change]) -> None:
    metadata = _metadata(path)
    with opened_tensors(path) as file:
        for change in changes:
            tensors = {part: file.get_tensor(key).float() for part, key in change.keys.items()}
            rank = len(tensors["down"])
            alpha = float(tensors["alpha"]) if "alpha" in tensors else stated_alpha(
                metadata, change.network, change.name, rank
            )  # fmt: skip
            weight: Tensor = change.layer.weight  # type: ignore[assignment]
            difference = (tensors["up"].flatten(1) @ tensors["down"].flatten(1)).view_as(weight)
            weight.copy_(weight.float() + scale * alpha / rank * difference.to(weight.device))


def _metadata(path: Path) -> dict[str, Any]:
    """Return what peft wrote about a LoRA into its file, or an empty dictionary."""
    written: Any = read_whole_header(path).get(METADATA, {}).get("lora_adapter_metadata", "{}")
    try:
        metadata = parse_json(written, strict=False)
    except FlawError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _layers(networks: Mapping[str, nn.Module]) -> dict[tuple[str, str], nn.Module]:
    return {
        (network, flattened(name)): module
        for network, owner in networks.items()
        for name, module in owner.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }


def _check_shapes(path: Path, change: Change, shapes: Mapping[str, list[int]]) -> None:
    for part in ("down", "up"):
        if part not in shapes:
            key = next(iter(change.keys.values()))
            raise WeightsError(f"setup.loras: {path} is incomplete: {key} has no {part} matrix next to it")
    matrix: Tensor = change.layer.weight  # type: ignore[assignment]
    weight = tuple(matrix.shape)
    down, up = tuple(shapes["down"]), tuple(shapes["up"])
    if {len(down), len(up)} - {2, 4} or len(down) != len(up):
        raise WeightsError(
            f"setup.loras: {path}: {change.keys['down']} {down} and {change.keys['up']} {up} are not two matrices or "
            "two convolutions; the file is damaged, or not a LoRA"
        )
    if "alpha" in shapes and math.prod(shapes["alpha"]) != 1:
        raise WeightsError(f"setup.loras: {path}: {change.keys['alpha']} {tuple(shapes['alpha'])} is not one number")
    if 0 in down or 0 in up:
        raise WeightsError(f"setup.loras: {path}: {change.keys['down']} {down} is empty")
    columns = down[1] if len(down) == 2 else down[1] * down[2] * down[3]
    asked = weight[1] if len(weight) == 2 else weight[1] * weight[2] * weight[3]
    if (up[0], columns) != (weight[0], asked) or up[1] != down[0] or any(size != 1 for size in up[2:]):
        raise WeightsError(
            f"setup.loras: {path} does not match this model: {change.keys['down']} {down} and {change.keys['up']} {up} "
            f"do not make a change of the layer's weight {weight}; it was made for another family"
        )
