"""What a transformer (MMDiT) reads of a text: embeddings of CLIP and T5, and one pooled vector."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from latentman.diffusion.text_tokens import token_ids, warn_of_cuts
from latentman.networks.backbone import Backbone
from latentman.networks.families import FLUX, reads_guidance_scale

_T5_TOKENS, _FLUX_TOKENS = 256, 512
"""Tokens that T5's text is padded to: as the pipelines of ``diffusers`` do, and 256 for FLUX.1-schnell."""


@torch.no_grad()
def encode_joint(backbone: Backbone, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Return embeddings (G, L, C) and pooled vectors (G, P) of these texts, one guidance group each.

    Stable Diffusion 3 attends to CLIP's two texts side by side, filled up with zeros to T5's width, and then to T5's;
    without T5, to zeros. FLUX.1 attends to T5's alone. A text that is too long is cut, with a warning.
    """
    is_flux = backbone.family is FLUX
    warn_of_cuts(
        backbone.t5_tokenizer if is_flux else backbone.tokenizer, texts, t5_tokens(backbone) if is_flux else None
    )
    read = [
        encoder(token_ids(tokenizer, texts).to(backbone.device), output_hidden_states=True)
        for encoder, tokenizer in backbone.text_encoders
    ]
    t5 = _t5(backbone, texts)
    backbone.part_is_over("text")
    if is_flux:
        return t5, read[0].pooler_output.to(backbone.dtype)
    clip = torch.cat([x.hidden_states[-2] for x in read], dim=-1)
    clip = pad(clip, (0, t5.shape[-1] - clip.shape[-1]))
    pooled = torch.cat([x.text_embeds for x in read], dim=-1)
    return torch.cat([clip, t5.to(clip)], dim=1), pooled


def t5_tokens(backbone: Backbone) -> int:
    """Return the number of tokens that T5's text is padded to, or cut to."""
    is_dev = backbone.family is FLUX and reads_guidance_scale(backbone.unet.config)
    return _FLUX_TOKENS if is_dev else _T5_TOKENS


def _t5(backbone: Backbone, texts: list[str]) -> Tensor:
    """Return T5's embeddings (G, tokens, C); zeros where it is not read."""
    count = t5_tokens(backbone)
    if backbone.t5 is None:
        width = backbone.unet.config.joint_attention_dim
        return torch.zeros(len(texts), count, width, device=backbone.device, dtype=backbone.dtype)
    ids = token_ids(backbone.t5_tokenizer, texts, count)
    embeds: Tensor = backbone.t5(ids.to(backbone.device))[0]
    return embeds.to(backbone.dtype)
