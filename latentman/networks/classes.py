"""The classes of each family's networks in diffusers and transformers, and what their ControlNets call their stem."""

from __future__ import annotations

import warnings
from typing import Any

from latentman.networks.families import FLUX, SD3, SDXL, Family


def predictor_class(family: Family) -> Any:
    """Return the class of the network that predicts."""
    from diffusers import FluxTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel

    if not family.is_joint:
        return UNet2DConditionModel
    return FluxTransformer2DModel if family is FLUX else SD3Transformer2DModel


def text_classes(family: Family) -> dict[str, Any]:
    """Return the classes of the text encoders of CLIP, by the names of their folders."""
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    projected = {SDXL.name: ("text_encoder_2",), SD3.name: ("text_encoder", "text_encoder_2")}.get(family.name, ())
    return {part: CLIPTextModelWithProjection if part in projected else CLIPTextModel for part, _ in family.clip}


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
