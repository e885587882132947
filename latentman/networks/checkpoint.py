"""Checks a model folder before anything is loaded: what is there, whole, and of the right shape.

A folder in the Stable Diffusion format holds one subfolder per component. Only the headers of the safetensors files are
read here; no weight is loaded and nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from latentman.errors import WeightsError
from latentman.files.extent import check_extent
from latentman.files.json_file import read_json_object
from latentman.files.opening import FlawError, missing_as, read_text, reading
from latentman.files.safetensors_file import METADATA, read_table
from latentman.networks.families import family_of_folder
from latentman.system.paths import asset, user_path

WEIGHT_FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "transformer": "diffusion_pytorch_model.safetensors",
    "controlnet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "tiny_decoder": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
    "text_encoder_2": "model.safetensors",
    "text_encoder_3": "model.safetensors",
    "adapter": "diffusion_pytorch_model.safetensors",
    "image_encoder": "model.safetensors",
    "motion_adapter": "diffusion_pytorch_model.safetensors",
}
"""Components with weights and the file that holds them; shards and half precision (``.fp16``) are accepted too."""

CONFIG_FILES = {
    "scheduler": "scheduler_config.json", "tokenizer": "tokenizer_config.json", "tokenizer_2": "tokenizer_config.json",
    "tokenizer_3": "tokenizer_config.json",
}  # fmt: skip

PICKLES = (".ckpt", ".pt", ".pth", ".bin")
"""Files whose reading can run code."""

_MAX_UNMADE = 0.05
"""Share of a vocabulary's words that no rule of its merges makes; 0 in CLIP's, more where words were added."""

_ADVICE = "point setup.model (and setup.controlnet) at a whole folder in the Stable Diffusion format, or at a hub id"


def local_path(reference: str, key: str = "setup.model") -> Path | None:
    """Return the folder or single file that a value of ``key`` names, or None when it is a hub id.

    ``asset:NAME`` is a folder that ships with the package. A value with one slash that does not exist on this machine
    and does not look like a path is a hub id.

    Raises:
        WeightsError: if the value is a path at which there is nothing, or a pickled checkpoint.
    """
    if reference.startswith("asset:"):
        path = asset(*reference.removeprefix("asset:").split("/"))
    else:
        path = user_path(reference)
        looks_like_path = reference.startswith((".", "/", "~")) or reference.count("/") != 1
        if path.suffix in PICKLES and not path.is_dir():
            raise WeightsError(
                f"{key}={reference} is a pickled checkpoint: reading one can run code, so only .safetensors files are "
                "loaded; fetch the model in that format, or convert it on a machine that you can lose"
            )
        if not path.exists() and not looks_like_path and path.suffix != ".safetensors":
            return None
    if path.is_file() and path.suffix == ".safetensors":
        return path
    if not path.is_dir():
        what = "file" if path.suffix == ".safetensors" else "folder"
        raise WeightsError(f"{key}={reference}: there is no {what} {path}; {_ADVICE}")
    return path


def local_folder(reference: str, key: str = "setup.model") -> Path | None:
    """Return the folder that a value of ``key`` names, or None when it is a hub id.

    Raises:
        WeightsError: if the value is a path at which there is no folder.
    """
    path = local_path(reference, key)
    if path is not None and not path.is_dir():
        raise WeightsError(f"{key}={reference}: there is no folder {path}, but a file; {_ADVICE}")
    return path


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """Return the tensor table of a safetensors file after checking that the file is as long as its table says.

    Raises:
        WeightsError: if the file is truncated, padded or not in the safetensors format.
    """
    header = read_whole_header(path)
    header.pop(METADATA, None)
    return header


def read_whole_header(path: Path) -> dict[str, dict[str, Any]]:
    """Return the table of :func:`read_header` with the file's own ``__metadata__``, if any."""
    with missing_as(path, error=WeightsError, advice="fetch it again"):
        return read_table(path)
    raise AssertionError  # missing_as() never swallows


def weight_files(folder: Path, component: str) -> list[Path]:
    """Return the safetensors files of a component that are loaded, shards included, or an empty list."""
    plain = folder / WEIGHT_FILES[component]
    if plain.is_file():
        return [plain]
    stem = plain.name.removesuffix(".safetensors")
    shards = sorted(folder.glob(f"{stem}-*-of-*.safetensors"))
    return shards or sorted(folder.glob(f"{stem}.fp16*.safetensors")) or sorted(folder.glob("*.safetensors"))


def variant_of(folder: Path, component: str) -> str | None:
    """Return ``fp16`` where a folder holds a component in half precision only, else None."""
    files = weight_files(folder, component)
    return "fp16" if files and all(".fp16" in file.name for file in files) else None


def check_component(folder: Path, component: str) -> None:
    """Check that one component's configuration and weights are there and whole.

    A T2I-Adapter's weights may be pickled, as the published ones are: torch reads them without running code.

    Raises:
        WeightsError: naming the first file that is missing, unreadable or damaged.
    """
    config = folder / CONFIG_FILES.get(component, "config.json")
    if not config.is_file():
        raise WeightsError(f"{folder} is incomplete: {config.name} is missing; {_ADVICE}")
    settings = read_json_object(config, error=WeightsError, advice="fetch it again", strict=False)
    if component in CONFIG_FILES and component.startswith("tokenizer"):
        _check_tokenizer(folder)
        return
    shapes: list[list[int]] = []
    if component in WEIGHT_FILES:
        files = weight_files(folder, component)
        if not files and not (component == "adapter" and any(folder.glob("*.bin"))):
            raise WeightsError(f"{folder} is incomplete: {WEIGHT_FILES[component]} is missing; {_ADVICE}")
        shapes = [entry["shape"] for file in files for entry in read_header(file).values()]
    check_extent(config, settings, shapes)


def _check_tokenizer(folder: Path) -> None:
    """Read what a tokenizer is made of; the library says nothing of a truncated table of merges."""
    vocabulary: dict[str, Any] = {}
    for name in ("vocab.json", "tokenizer.json", "special_tokens_map.json", "added_tokens.json"):
        if (folder / name).is_file():
            held = read_json_object(folder / name, error=WeightsError, advice="fetch it again", strict=False)
            vocabulary = held if name == "vocab.json" else vocabulary
    merges = folder / "merges.txt"
    if not merges.is_file():
        return
    text = read_text(merges, error=WeightsError, advice="fetch it again")
    rules = [line for line in text.split("\n") if line and not line.startswith("#version")]
    with reading(merges, error=WeightsError, advice="fetch it again"):
        bad = next((number for number, rule in enumerate(rules, 1) if len(rule.split()) != 2), None)
        if bad is not None:
            raise FlawError(f"its rule {bad} is not two parts of a word")
        made = {"".join(rule.split()) for rule in rules}
        words = [word for word in vocabulary if len(word.removesuffix("</w>")) > 1 and not word.startswith("<|")]
        if sum(word not in made for word in words) > _MAX_UNMADE * len(words):
            raise FlawError("it does not make the words of vocab.json: it is truncated, or of another tokenizer")


def check_model_directory(model: Path, controlnet: Path | None = None) -> None:
    """Check a whole model folder without importing torch; ``controlnet`` is its own folder if it is elsewhere.

    Raises:
        WeightsError: naming the first folder or file that is missing or damaged.
    """
    parts = {name: model / name for name in family_of_folder(model).components()}
    parts["controlnet"] = controlnet or model / "controlnet"
    for component, folder in parts.items():
        check_part(folder, component)


def check_part(folder: Path, component: str) -> None:
    """Check that the folder of a component is there and whole.

    Raises:
        WeightsError: naming the folder or file that is missing or damaged.
    """
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
    loaded = {".json", ".txt", ".safetensors"}
    return _digest(
        (path.relative_to(folder).as_posix(), path)
        for path in sorted(p for p in folder.rglob("*") if p.suffix in loaded and p.is_file())
    )


@cache
def file_digest(path: Path) -> str:
    """Return a short SHA-256 of one file: weights, or a picture that the frames follow."""
    return _digest([("", path)])


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(name.encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
