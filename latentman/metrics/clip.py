"""CLIP (Radford et al., 2021): images and text as unit vectors of one space, from a local folder.

The folder has the format of the transformers library, in which ``openai/clip-vit-base-patch32`` is published. Nothing
is ever downloaded. Images are preprocessed as transformers does with Pillow, which is how CLIP was trained.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentman.errors import WeightsError
from latentman.files.extent import check_extent
from latentman.files.json_file import read_json_object
from latentman.files.opening import missing_as, reason

if TYPE_CHECKING:
    from torch import Tensor

HOW_TO_GET = (
    "copy the files of a CLIP model in the transformers format there, such as openai/clip-vit-base-patch32 from the "
    "Hugging Face hub (config.json, model.safetensors, preprocessor_config.json, vocab.json, merges.txt), or set "
    "metrics.clip"
)

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SETTINGS = (
    "config.json", "preprocessor_config.json", "tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json",
    "special_tokens_map.json",
)  # fmt: skip
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
_BATCH = 16

Frames = NDArray[np.uint8]
Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Preparation:
    """How an image is preprocessed for the network.

    ``shortest`` is the length of the shortest edge and ``crop`` the centred crop (height, width), in pixels;
    ``resample`` is a Pillow filter; ``mean`` and ``std`` are per channel, for values from 0 to 1.
    """

    shortest: int = 224
    crop: tuple[int, int] = (224, 224)
    resample: int = Image.Resampling.BICUBIC
    mean: tuple[float, ...] = _MEAN
    std: tuple[float, ...] = _STD

    def __call__(self, frame: Frames) -> NDArray[np.float32]:
        """Return a frame (H, W, 3) uint8 RGB as network input, (3, h, w) float32.

        The shortest edge is resized, the other edge in proportion (rounded down), and the centre is cropped.
        """
        height, width = frame.shape[:2]
        short = min(height, width)
        size = (int(self.shortest * width / short), int(self.shortest * height / short))
        resized = np.asarray(Image.fromarray(frame).resize(size, resample=Image.Resampling(self.resample)))
        cut = _centre(resized, *self.crop).astype(np.float32) / np.float32(255)
        normal = (cut - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1), dtype=np.float32)


@dataclass(frozen=True)
class Clip:
    """A loaded model."""

    model: Any
    tokenizer: Any
    preparation: Preparation

    @property
    def text_length(self) -> int:
        """Number of tokens that the text network reads, including the start and end tokens."""
        return int(self.model.config.text_config.max_position_embeddings)

    def embed_frames(self, frames: Frames) -> Vectors:
        """Return unit vectors (T, D) of frames (T, H, W, 3) uint8 RGB."""
        import torch

        vectors = []
        with torch.inference_mode():
            for first in range(0, len(frames), _BATCH):
                pixels = np.stack([self.preparation(frame) for frame in frames[first : first + _BATCH]])
                seen = self.model.vision_model(pixel_values=torch.from_numpy(pixels).to(self.model.device))
                vectors.append(self.model.visual_projection(seen.pooler_output))
        return _unit(torch.cat(vectors))

    def embed_text(self, text: str) -> Vectors:
        """Return the unit vector (D,) of a text, cut to :attr:`text_length` tokens."""
        import torch

        tokens = self.tokenizer(text, truncation=True, max_length=self.text_length, return_tensors="pt")
        with torch.inference_mode():
            read = self.model.text_model(**tokens.to(self.model.device))
            return _unit(self.model.text_projection(read.pooler_output))[0]

    def is_too_long(self, text: str) -> bool:
        """Return whether a text exceeds the network's limit, so that its end is not read."""
        return len(self.tokenizer(text, truncation=False, verbose=False)["input_ids"]) > self.text_length


def why_missing(folder: Path) -> str | None:
    """Return which files of a CLIP model a folder lacks and how to get them, or None if it is complete."""

    def there(*names: str) -> bool:
        return all((folder / name).is_file() for name in names)

    missing = [] if there("config.json") else ["config.json"]
    if not any(there(name) for name in _WEIGHTS):
        missing.append(" or ".join(_WEIGHTS))
    if not there("tokenizer.json") and not there("vocab.json", "merges.txt"):
        missing.append("vocab.json and merges.txt")
    return f"no CLIP model in {folder} (missing: {', '.join(missing)}): {HOW_TO_GET}" if missing else None


def files_behind(folder: Path) -> tuple[Path, ...]:
    """Return the existing files that scores depend on; of two weight files, only the one that is read."""
    weights = [folder / name for name in _WEIGHTS if (folder / name).is_file()][:1]
    return (*(folder / name for name in _SETTINGS if (folder / name).is_file()), *weights)


def load_clip(folder: Path, device: str = "cpu") -> Clip:
    """Load a model from a folder, in float32.

    Raises:
        WeightsError: if it is missing, damaged, incomplete, or another kind of model.
    """
    reason = why_missing(folder)
    if reason is not None:
        raise WeightsError(reason)
    config = _json(folder / "config.json")
    kind = config.get("model_type")
    if kind != "clip":
        raise WeightsError(f"{folder / 'config.json'} describes a model of type {kind!r}, not 'clip': {HOW_TO_GET}")
    check_extent(folder / "config.json", config, ())
    preparation = read_preparation(folder)
    model, tokenizer = _load(folder)
    side = model.config.vision_config.image_size
    if preparation.crop != (side, side):
        raise WeightsError(
            f"{folder}: preprocessor_config.json crops images to {preparation.crop}, but the network reads "
            f"{side}x{side}: the files belong to different models"
        )
    return Clip(model.eval().requires_grad_(False).to(device), tokenizer, preparation)


def read_preparation(folder: Path) -> Preparation:
    """Read the preprocessing from ``preprocessor_config.json``; without this file, return OpenAI's preprocessing.

    Raises:
        WeightsError: if the file is damaged, or describes a step that CLIP does not use.
    """
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return Preparation()
    held = _json(path)
    size, crop = held.get("size", 224), held.get("crop_size", 224)
    if isinstance(size, dict):
        size = size.get("shortest_edge")
    if isinstance(crop, dict):
        crop = (crop.get("height"), crop.get("width"))
    steps = [name for name in ("do_resize", "do_center_crop", "do_normalize", "do_rescale") if not held.get(name, True)]
    try:
        made = Preparation(
            int(size),
            (int(crop), int(crop)) if isinstance(crop, int) else (int(crop[0]), int(crop[1])),
            int(held.get("resample", Image.Resampling.BICUBIC)),
            tuple(float(x) for x in held.get("image_mean", _MEAN)),
            tuple(float(x) for x in held.get("image_std", _STD)),
        )
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise WeightsError(
            f"{path}: size, crop_size, resample, image_mean or image_std is not a number: {error}"
        ) from error
    if steps or len(made.mean) != 3 or len(made.std) != 3 or not 1 <= min(made.crop) <= max(made.crop) <= made.shortest:
        raise WeightsError(f"{path} does not describe CLIP's preprocessing; {HOW_TO_GET}")
    return made


def _load(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import CLIPModel, CLIPTokenizer

    loading = logging.getLogger("transformers.modeling_utils")
    level = loading.level
    loading.setLevel(logging.ERROR)  # the official files hold obsolete buffers, which it would list
    try:
        model, report = CLIPModel.from_pretrained(
            folder, local_files_only=True, weights_only=True, torch_dtype=torch.float32, output_loading_info=True
        )
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the library raises many kinds of error for a damaged file
        first = reason(error)
        raise WeightsError(
            f"the CLIP model in {folder} cannot be loaded ({type(error).__name__}: {first}): {HOW_TO_GET}"
        ) from error
    finally:
        loading.setLevel(level)
    absent = sorted([*report["missing_keys"], *(str(key) for key in report.get("mismatched_keys", ()))])
    if absent:
        raise WeightsError(f"the weights in {folder} lack {len(absent)} tensors, such as {absent[0]}: {HOW_TO_GET}")
    return model, tokenizer


def _json(path: Path) -> dict[str, Any]:
    with missing_as(path, error=WeightsError, advice="copy it again"):
        return read_json_object(path, error=WeightsError, advice="copy it again", strict=False)
    raise AssertionError  # missing_as() never swallows


def _centre(picture: Frames, height: int, width: int) -> Frames:
    """Return the middle (height, width, 3) of a picture that is at least as large."""
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def _unit(vectors: Tensor) -> Vectors:
    values = vectors.cpu().double().numpy()
    return np.asarray(values / np.linalg.norm(values, axis=-1, keepdims=True))
