"""IP-Adapter (arXiv 2308.06721): a picture that the frames take their look from, read by the UNet's cross-attention.

Its processors sit on ``attn2``; cross-frame attention is installed on ``attn1`` only and leaves them alone. With
guidance, the unconditional group reads an empty picture: zero embeddings, or those of a black picture for the variants
that read the encoder's patches.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentman.config.setup import IpAdapterConfig
from latentman.errors import DataError, WeightsError
from latentman.files.image_file import read_image
from latentman.files.opening import missing_as, reason
from latentman.files.safetensors_file import read_tensors
from latentman.networks.checkpoint import check_part, read_header
from latentman.networks.sources import Source, load_network
from latentman.system.paths import user_path

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's pictures, per channel."""


@dataclass(frozen=True)
class ImagePrompt:
    """The picture (1, 3, S, S) as its encoder reads it; ``patches``: the UNet reads the encoder's patches."""

    encoder: Any
    pixels: Tensor
    patches: bool


@dataclass(frozen=True)
class IpAdapter:
    """An adapter by its setting, and the folder or hub id in which it is."""

    cfg: IpAdapterConfig
    source: Source

    @property
    def weights(self) -> Path | None:
        """Its file on this machine; None where the hub has it."""
        folder = self.source.path
        return None if folder is None else folder / self.cfg.subfolder / self.cfg.weight_name

    @property
    def encoder(self) -> Source:
        """Where its image encoder is."""
        name = self.cfg.image_encoder
        inside = name if "/" in name else f"{self.cfg.subfolder}/{name}"
        return self.source.part(inside.strip("/"))

    @property
    def picture(self) -> Path:
        """The picture's file."""
        return user_path(str(self.cfg.image))


def check_ip_adapter(found: IpAdapter, cross_attention_dim: int | None) -> None:
    """Find what is wrong with an adapter's files before weights are loaded; the hub's are left to the loader.

    Args:
        found: the adapter.
        cross_attention_dim: of the UNet, if it is known.

    Raises:
        WeightsError: if files are missing or belong to another family.
    """
    path, encoder = found.weights, found.encoder.path
    if path is None or encoder is None:
        return
    if not path.is_file():
        raise WeightsError(f"setup.ip_adapter: there is no file {path}; see subfolder and weight_name")
    check_part(encoder, "image_encoder")
    _check_family(path, cross_attention_dim)


def _check_family(path: Path, cross_attention_dim: int | None) -> None:
    header = read_header(path)
    if any("lora" in name or "faceid" in name for name in header):
        raise WeightsError(f"setup.ip_adapter: {path} reads faces (FaceID), which needs a face model; use a plain one")
    shapes = [entry["shape"] for name, entry in header.items() if name.endswith("to_k_ip.weight")]
    if any(len(shape) != 2 for shape in shapes):
        raise WeightsError(f"setup.ip_adapter: {path} holds a to_k_ip.weight that is not a matrix; fetch it again")
    widths = [shape[1] for shape in shapes]
    if not widths:
        raise WeightsError(f"setup.ip_adapter: {path} is not an IP-Adapter: it holds no ip_adapter.*.to_k_ip.weight")
    if cross_attention_dim is not None and widths[0] != cross_attention_dim:
        raise WeightsError(
            f"setup.ip_adapter: {path} is of another family than the unet: its pictures are {widths[0]} wide, the "
            f"unet's texts {cross_attention_dim}; take one that was made for this model"
        )


def read_picture(path: Path, size: int) -> Tensor:
    """Return a picture as CLIP reads it, (1, 3, size, size): shorter side to ``size``, middle cut out, normalised.

    Raises:
        DataError: if it cannot be read.
    """
    from PIL import Image

    advice = "setup.ip_adapter.image takes a PNG, JPEG or WebP picture"
    with missing_as(path, advice=advice):
        picture = read_image(path, advice=advice).convert("RGB")
    width, height = picture.size
    short = min(width, height)
    if max(width, height) > 100 * short:
        raise DataError(f"setup.ip_adapter.image={path} has {width}x{height} pixels: give one less narrow")
    picture = picture.resize((int(width * size / short), int(height * size / short)), Image.Resampling.BICUBIC)
    left, top = (picture.width - size) // 2, (picture.height - size) // 2
    pixels = np.asarray(picture.crop((left, top, left + size, top + size)), np.float32) / 255
    normal = (pixels - np.asarray(MEAN, np.float32)) / np.asarray(DEVIATION, np.float32)
    return torch.from_numpy(normal.transpose(2, 0, 1).copy())[None]


def load_ip_adapter(found: IpAdapter, unet: Any, dtype: torch.dtype) -> ImagePrompt:
    """Put an adapter's processors on the UNet's cross-attention; return the picture with its encoder.

    Raises:
        WeightsError: if it cannot be loaded, or belongs to another family.
    """
    from diffusers.models.embeddings import ImageProjection
    from diffusers.utils import logging
    from transformers import CLIPVisionModelWithProjection

    path = _fetched(found)
    _check_family(path, unet.config.cross_attention_dim)
    parts: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for key, tensor in read_tensors(path).items():
        part, _, rest = key.partition(".")
        if part in parts:
            parts[part][rest] = tensor
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it warns of modules that it would keep in float32, and has none
    try:
        unet._load_ip_adapter_weights([parts])
    except Exception as error:  # the library raises many kinds for tensors that do not fit
        raise WeightsError(f"setup.ip_adapter: {path} does not fit this unet: {reason(error)}") from error
    finally:
        logging.set_verbosity(verbosity)
    for processor in unet.attn_processors.values():
        if hasattr(processor, "to_k_ip"):
            processor.scale = [found.cfg.scale]
    encoder = load_network("image encoder", CLIPVisionModelWithProjection, found.encoder, "image_encoder", dtype)
    (projection,) = unet.encoder_hid_proj.image_projection_layers
    pixels = read_picture(found.picture, encoder.config.image_size)
    return ImagePrompt(encoder, pixels, patches=not isinstance(projection, ImageProjection))


def _fetched(found: IpAdapter) -> Path:
    """Return the adapter's file on this machine, fetched from the hub if it is there."""
    from transformers.utils import cached_file

    cfg, source = found.cfg, found.source
    if found.weights is not None:
        return found.weights
    try:
        path = cached_file(
            str(source.location), cfg.weight_name, subfolder=cfg.subfolder, revision=source.revision or "main"
        )
    except Exception as error:  # the hub has many kinds of its own
        raise WeightsError(
            f"cannot load the IP-Adapter {cfg.weight_name} from {cfg.model}: {reason(error)}\n"
            "give setup.ip_adapter.model a folder on this machine, or a hub id that this machine can reach"
        ) from error
    return Path(str(path))


@torch.no_grad()
def encode_picture(prompt: ImagePrompt, groups: int, device: torch.device) -> Tensor:
    """Return the picture's embeddings of every guidance group, (G, 1, d) or (G, 1, patches, d); the empty one first."""
    pixels = prompt.pixels.to(device, prompt.encoder.dtype)
    if prompt.patches:
        pictures = torch.cat([torch.zeros_like(pixels), pixels]) if groups == 2 else pixels
        patches: Tensor = prompt.encoder(pictures, output_hidden_states=True).hidden_states[-2]
        return patches.unsqueeze(1)
    embeds: Tensor = prompt.encoder(pixels).image_embeds
    return (torch.cat([torch.zeros_like(embeds), embeds]) if groups == 2 else embeds).unsqueeze(1)
