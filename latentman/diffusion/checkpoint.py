"""Checks a model folder before anything is loaded: what is there, whole, and of the right shape.

A folder in the Stable Diffusion format holds one subfolder per component. Only the headers of the safetensors files are
read here; no weight is loaded and nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

from latentman.errors import WeightsError
from latentman.paths import asset

WEIGHT_FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "controlnet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}
"""Components with weights and the file that holds them; a sharded or half-precision variant is also accepted."""

CONFIG_FILES = {"scheduler": "scheduler_config.json", "tokenizer": "tokenizer_config.json"}

_ADVICE = "point setup.model (and setup.controlnet) at a whole folder in the Stable Diffusion format, or at a hub id"


def local_folder(reference: str) -> Path | None:
    """Return the folder that a ``setup.model`` value names, or None when it is a hub id.

    ``asset:NAME`` is a folder that ships with the package. A value with one slash that is no existing folder and does
    not look like a path is a hub id.

    Raises:
        WeightsError: if the value is a path at which there is no folder.
    """
    if reference.startswith("asset:"):
        folder = asset(*reference.removeprefix("asset:").split("/"))
    else:
        folder = Path(reference).expanduser()
        looks_like_path = reference.startswith((".", "/", "~")) or reference.count("/") != 1
        if not folder.exists() and not looks_like_path:
            return None
    if not folder.is_dir():
        raise WeightsError(f"setup.model={reference}: there is no folder {folder}; {_ADVICE}")
    return folder


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """Return the tensor table of a safetensors file after checking that the file is as long as its table says.

    Raises:
        WeightsError: if the file is truncated, padded or not in the safetensors format.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > size - 8:
                raise ValueError(f"its header would be {length} bytes long in a file of {size}")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}; fetch it again") from error
    if 8 + length + end != size:
        raise WeightsError(
            f"{path} is damaged: {size} bytes, {8 + length + end} expected from its header; fetch it again"
        )
    return dict(header)


def weight_files(folder: Path, component: str) -> list[Path]:
    """Return the safetensors files of a component, shards included, or an empty list."""
    plain = folder / WEIGHT_FILES[component]
    return [plain] if plain.is_file() else sorted(folder.glob("*.safetensors"))


def check_component(folder: Path, component: str) -> None:
    """Check that one component's configuration and weights are there and whole.

    Raises:
        WeightsError: naming the first file that is missing, unreadable or damaged.
    """
    config = folder / CONFIG_FILES.get(component, "config.json")
    if not config.is_file():
        raise WeightsError(f"{folder} is incomplete: {config.name} is missing; {_ADVICE}")
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{config} is not valid JSON: {error}; fetch it again") from error
    if component in WEIGHT_FILES:
        files = weight_files(folder, component)
        if not files:
            raise WeightsError(f"{folder} is incomplete: {WEIGHT_FILES[component]} is missing; {_ADVICE}")
        for file in files:
            read_header(file)


def check_model_directory(model: Path, controlnet: Path | None = None) -> None:
    """Check a whole model folder without importing torch; ``controlnet`` is its own folder if it lies elsewhere.

    Raises:
        WeightsError: naming the first folder or file that is missing or damaged.
    """
    parts = {name: model / name for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler")}
    parts["controlnet"] = controlnet or model / "controlnet"
    for component, folder in parts.items():
        if not folder.is_dir():
            raise WeightsError(f"{folder.parent} is incomplete: there is no folder {folder.name} in it; {_ADVICE}")
        check_component(folder, component)


def check_shapes(folder: Path, component: str, expected: dict[str, tuple[int, ...]]) -> None:
    """Compare the tensors of a component's files with what its configuration asks for.

    Names that only one side knows are left to the loader, which knows the older spellings.

    Raises:
        WeightsError: naming the first tensor whose shape differs.
    """
    for file in weight_files(folder, component):
        for name, entry in read_header(file).items():
            shape = tuple(entry["shape"])
            if name in expected and shape != expected[name]:
                raise WeightsError(
                    f"{file}: {name} has shape {shape}, but {folder / 'config.json'} asks for {expected[name]}; "
                    "the two belong to different models"
                )


@cache
def folder_digest(folder: Path) -> str:
    """Return a short SHA-256 over the files that are loaded from a model folder: what results are recorded with."""
    digest = hashlib.sha256()
    loaded = {".json", ".txt", ".safetensors"}
    for path in sorted(p for p in folder.rglob("*") if p.suffix in loaded and p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
