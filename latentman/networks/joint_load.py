"""Loads the networks of a transformer's family: Stable Diffusion 3 and FLUX.1."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from latentman.networks.families import FLUX, SD3, Family
from latentman.networks.sources import attempt, load_network

if TYPE_CHECKING:
    from latentman.networks.resolved import ResolvedSetup


def predictor_class(family: Family) -> Any:
    """Return the class of the network that predicts."""
    from diffusers import FluxTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel

    if not family.is_joint:
        return UNet2DConditionModel
    return FluxTransformer2DModel if family is FLUX else SD3Transformer2DModel


def controlnet_class(family: Family) -> Any:
    """Return the class of the family's ControlNets."""
    from diffusers import ControlNetModel, FluxControlNetModel, SD3ControlNetModel

    if not family.is_joint:
        return ControlNetModel
    # diffusers warns of what its own FluxControlNetModel does.
    warnings.filterwarnings("ignore", message="`FluxPosEmbed` is deprecated", category=FutureWarning)
    return FluxControlNetModel if family is FLUX else SD3ControlNetModel


def stem_name(family: Family) -> str:
    """Return the name of a ControlNet's stem: what reads the picture and does not depend on t."""
    if not family.is_joint:
        return "controlnet_cond_embedding"
    return "controlnet_x_embedder" if family is FLUX else "pos_embed_input"


def load_joint(found: ResolvedSetup, dtype: torch.dtype) -> dict[str, Any]:
    """Load the transformer, the VAE and the text encoders, by their names in a ``Backbone``.

    Raises:
        WeightsError: if a component is missing, damaged, or cannot be fetched.
    """
    from diffusers import AutoencoderKL
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, T5EncoderModel

    family = found.architecture.family
    parts: dict[str, tuple[str, Any]] = {
        "unet": (family.predictor, predictor_class(family)),
        "vae": ("vae", AutoencoderKL),
    }
    clip = CLIPTextModelWithProjection if family is SD3 else CLIPTextModel
    parts |= {part: (part, clip) for part, _ in family.clip}
    if family.t5 is not None and found.architecture.t5 is not None:
        parts["t5"] = (family.t5[0], T5EncoderModel)
    return {
        name: load_network(part.replace("_", " "), cls, found.model.part(part), part, dtype)
        for name, (part, cls) in parts.items()
    }


def load_joint_tokenizers(found: ResolvedSetup) -> dict[str, Any]:
    """Load tokenizers and scheduler, by their names in a ``Backbone``.

    Raises:
        WeightsError: if one is missing or cannot be read.
    """
    from diffusers import FlowMatchEulerDiscreteScheduler
    from transformers import CLIPTokenizer, T5TokenizerFast

    family = found.architecture.family
    loaded = {part: attempt(part, CLIPTokenizer.from_pretrained, found.model.part(part)) for _, part in family.clip}
    if family.t5 is not None and found.architecture.t5 is not None:
        part = family.t5[1]
        loaded["t5_tokenizer"] = attempt(part, T5TokenizerFast.from_pretrained, found.model.part(part))
    return loaded | {"scheduler": FlowMatchEulerDiscreteScheduler.from_config(dict(found.architecture.scheduler))}


def share_positions(transformer: Any, controlnets: Iterable[Any]) -> None:
    """Give ControlNets without positions of their own those of the transformer, as Stable Diffusion 3.5 large's."""
    for network in controlnets:
        if getattr(network.config, "use_pos_embed", True) is False:
            network.pos_embed = transformer.pos_embed
