"""The readers of whole models: folders of networks, LoRAs, and the checkpoints of motion models."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from latentman.files.safetensors_file import opened_tensors
from latentman.metrics.clip import load_clip
from latentman.motion.learned.gmd_source import load_gmd
from latentman.motion.learned.mdm_checkpoint import load_mdm
from latentman.motion.learned.mld_source import load_mld
from latentman.motion.learned.text_encoder import DISTILBERT, load_text_encoder
from latentman.networks.load import load_backbone
from latentman.networks.lora import plan_changes
from tests.factories.clip_weights import write_clip
from tests.factories.motion_checkpoints import TEXT_WIDTH, write_distilbert, write_gmd, write_mdm, write_mld
from tests.factories.tiny_model import ONE_CONTROLNET, save_tiny_model, tiny_setup, tiny_unet
from tests.fuzz.mutations import Mutation, digits, json_tree, safetensors_header, text_edges, zip_members
from tests.fuzz.readers import Reader

JSON = (json_tree, json_tree, digits, text_edges)
CONFIGURATIONS = (
    "unet/config.json", "vae/config.json", "text_encoder/config.json", "controlnet/config.json",
    "scheduler/scheduler_config.json", "tokenizer/tokenizer_config.json",
)  # fmt: skip
WEIGHTS = ("unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors")
LAYER = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


def _is_json(data: bytes) -> bool:
    return data[:1] == b"{"


def _is_tensors(data: bytes) -> bool:
    return data[8:9] == b"{"


def _is_zip(data: bytes) -> bool:
    return data.startswith(b"PK")


def _network(name: str) -> Reader:
    """Return the reader of a model's folder in which one file is damaged."""

    def whole(folder: Path) -> bytes:
        save_tiny_model(folder / "model")
        return (folder / "model" / name).read_bytes()

    def read(path: Path) -> Any:
        return load_backbone(tiny_setup(path.parents[1]), ONE_CONTROLNET, torch.device("cpu"))

    structure: Sequence[Mutation] = JSON if name.endswith(".json") else (safetensors_header,) * 3
    header = _is_json if name.endswith(".json") else _is_tensors
    return Reader(f"model/{name}", whole, read, header, structure, share=0.03)


def _lora(folder: Path) -> bytes:
    width = 16
    return save({
        f"{LAYER}.lora_A.weight": torch.ones(2, width), f"{LAYER}.lora_B.weight": torch.ones(width, 2),
        f"{LAYER}.alpha": torch.tensor(2.0),
    }, metadata={"format": "pt"})  # fmt: skip


_unet = cache(tiny_unet)


def _read_lora(path: Path) -> None:
    plan_changes(path, {"unet": _unet()})
    with opened_tensors(path) as file:
        for key in file.keys():  # noqa: SIM118 - not a mapping
            file.get_tensor(key)


def _checkpoint(
    file: str, write: Callable[[Path], object], load: Callable[[Path], object], damaged: str | None = None
) -> Reader:
    """Return the reader of a motion model in which the checkpoint, or a file next to it, is damaged."""
    name = damaged or file

    def whole(folder: Path) -> bytes:
        write(folder)
        arguments = folder / "args.json"
        if arguments.is_file():
            arguments.write_text(json.dumps({**json.loads(arguments.read_text()), "num_heads": 4}))
        return (folder / name).read_bytes()

    is_json = name.endswith(".json")
    structure: Sequence[Mutation] = JSON if is_json else (zip_members,)
    header = _is_json if is_json else _is_zip
    return Reader(name, whole, lambda path: load(path.with_name(file)), header, structure, share=0.1)


def _encoder(name: str, write: Callable[..., Path], load: Callable[[Path], object]) -> Reader:
    """Return the reader of a text encoder's folder, or CLIP's, in which one file is damaged."""

    def whole(folder: Path) -> bytes:
        return (write(folder / "encoder") / name).read_bytes()

    structure: Sequence[Mutation] = JSON if name.endswith(".json") else (text_edges,)
    return Reader(f"encoder/{name}", whole, lambda path: load(path.parent), lambda data: True, structure, share=0.03)


def _load_distilbert(folder: Path) -> object:
    return load_text_encoder(DISTILBERT, str(folder), TEXT_WIDTH, torch.device("cpu"))


MDM, MLD, GMD = "model000200000.pt", "1222_mld_humanml3d_FID041.ckpt", "model000500000.pt"
MODEL_READERS = {
    **{f"model folder ({name})": _network(name) for name in (*CONFIGURATIONS, *WEIGHTS)},
    **{
        f"motion text encoder ({name})": _encoder(name, write_distilbert, _load_distilbert)
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json")
    },
    **{
        f"CLIP ({name})": _encoder(name, write_clip, load_clip)
        for name in ("config.json", "preprocessor_config.json", "vocab.json")
    },
    "LoRA": Reader("x.safetensors", _lora, _read_lora, _is_tensors, (safetensors_header,) * 3),
    "MDM": _checkpoint(MDM, write_mdm, load_mdm),
    "MDM (args.json)": _checkpoint(MDM, write_mdm, load_mdm, "args.json"),
    "MLD": _checkpoint(MLD, write_mld, load_mld),
    "GMD": _checkpoint(GMD, write_gmd, load_gmd),
    "GMD (args.json)": _checkpoint(GMD, write_gmd, load_gmd, "args.json"),
}
