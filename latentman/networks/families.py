"""The families of models, and which of them a model is: read from its files, never from its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentman.errors import WeightsError
from latentman.files.json_file import read_json_object


@dataclass(frozen=True)
class Family:
    """What a folder of a family holds besides the VAE and the scheduler.

    ``predictor`` is the folder of the network that predicts. ``clip`` are folders of CLIP's text encoders, each with
    its tokenizer; ``t5`` is the folder of T5 and its tokenizer's, where there is one.
    """

    name: str
    predictor: str
    clip: tuple[tuple[str, str], ...]
    t5: tuple[str, str] | None = None
    needs_t5: bool = False

    @property
    def is_joint(self) -> bool:
        """Whether a transformer (MMDiT) predicts a velocity, rather than a UNet the noise."""
        return self.predictor == "transformer"

    def components(self, *, t5: bool = True) -> tuple[str, ...]:
        """Return the folders that a whole model has, with or without T5."""
        pairs = (*self.clip, *([self.t5] if self.t5 is not None and t5 else []))
        return (self.predictor, "vae", *(encoder for encoder, _ in pairs), *(name for _, name in pairs), "scheduler")


_FIRST, _SECOND = ("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")

SD15 = Family("Stable Diffusion 1.x", "unet", (_FIRST,))
SDXL = Family("SDXL", "unet", (_FIRST, _SECOND))
SD3 = Family("Stable Diffusion 3", "transformer", (_FIRST, _SECOND), ("text_encoder_3", "tokenizer_3"))
FLUX = Family("FLUX.1", "transformer", (_FIRST,), _SECOND, needs_t5=True)

TRANSFORMERS = {"SD3Transformer2DModel": SD3, "FluxTransformer2DModel": FLUX}
"""The family of each class of transformer."""


def family_of_folder(model: Path) -> Family:
    """Return the family of a model's folder; damage to its UNet's configuration is reported elsewhere.

    Raises:
        WeightsError: if its transformer is of another family, or its configuration cannot be read.
    """
    config = model / "transformer" / "config.json"
    if config.is_file():
        return family_of_transformer(
            read_json_object(config, error=WeightsError, advice="fetch it again", strict=False)
        )
    try:
        unet = read_json_object(model / "unet" / "config.json", error=WeightsError, strict=False)
    except (FileNotFoundError, WeightsError):
        return SD15
    return family_of_unet(unet)


def family_of_unet(config: Mapping[str, Any]) -> Family:
    """Return the family of a UNet by its configuration: SDXL's reads a pooled text and sizes."""
    return SDXL if config.get("addition_embed_type") == "text_time" else SD15


def family_of_transformer(config: Mapping[str, Any]) -> Family:
    """Return the family of a transformer by its configuration.

    Raises:
        WeightsError: naming the class that is not supported.
    """
    kind = config.get("_class_name")
    if kind not in TRANSFORMERS:
        raise WeightsError(
            f"setup.model: its transformer is a {kind}; supported are {' and '.join(TRANSFORMERS)} (Stable Diffusion 3 "
            "and 3.5, FLUX.1), and the UNets of Stable Diffusion 1.x and SDXL"
        )
    return TRANSFORMERS[kind]


def predicts_velocity(config: Mapping[str, Any]) -> bool:
    """Return whether the network of a configuration is a transformer that predicts a velocity."""
    return "joint_attention_dim" in config


def reads_guidance_scale(config: Mapping[str, Any]) -> bool:
    """Return whether the network of a configuration was distilled to read the guidance's scale, as FLUX.1-dev."""
    return bool(config.get("guidance_embeds"))


def is_flux(config: Mapping[str, Any]) -> bool:
    """Return whether the network of a configuration is FLUX's, which reads packed latents and rotary positions."""
    return "axes_dims_rope" in config
