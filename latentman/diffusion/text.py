"""Text to embeddings, with a warning about text that the tokenizer had to cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from latentman.diffusion.joint_text import encode_joint
from latentman.diffusion.text_tokens import token_ids, warn_of_cuts
from latentman.networks.backbone import Backbone
from latentman.networks.ip_adapter import encode_picture


@dataclass(frozen=True)
class Text:
    """What the networks read besides the latents, for every guidance group.

    ``embeds`` (G, L, C): [negative, prompt] with guidance, the prompt alone without. SDXL also reads ``pooled`` (G, P)
    and ``time_ids`` (G, 6): original size, crop and target size in pixels; a transformer reads ``pooled`` alone.
    ``image_embeds`` are an IP-Adapter's, (G, n, d) or, where it reads patches, (G, n, p, d); only the UNet reads them.
    """

    embeds: Tensor
    pooled: Tensor | None = None
    time_ids: Tensor | None = None
    image_embeds: tuple[Tensor, ...] = ()

    @property
    def groups(self) -> int:
        """The guidance multiplicity: 2 with guidance, 1 without."""
        return len(self.embeds)

    def group(self, index: int) -> Text:
        """Return one group alone: 0 is the unconditional one."""
        part = slice(index, index + 1)
        return Text(
            self.embeds[part],
            None if self.pooled is None else self.pooled[part],
            None if self.time_ids is None else self.time_ids[part],
            tuple(x[part] for x in self.image_embeds),
        )

    def for_control(self) -> Text:
        """Return what a ControlNet reads: everything except the image embeddings."""
        return replace(self, image_embeds=())

    def arguments(self, frames: int) -> dict[str, Any]:
        """Return the keyword arguments of a network for a batch laid out as (groups * frames)."""
        if self.pooled is not None and self.time_ids is None:
            return {
                "encoder_hidden_states": _spread(self.embeds, frames),
                "pooled_projections": _spread(self.pooled, frames),
            }
        added: dict[str, Any] = {}
        if self.pooled is not None and self.time_ids is not None:
            added = {"text_embeds": _spread(self.pooled, frames), "time_ids": _spread(self.time_ids, frames)}
        if self.image_embeds:
            added["image_embeds"] = [_spread(x, frames) for x in self.image_embeds]
        return {"encoder_hidden_states": _spread(self.embeds, frames), "added_cond_kwargs": added or None}


def _spread(x: Tensor, frames: int) -> Tensor:
    """(G, ...) -> (G F, ...), group after group like the latents."""
    return x.repeat_interleave(frames, dim=0)


@torch.no_grad()
def encode_prompt(backbone: Backbone, prompt: str, negative_prompt: str, guidance_scale: float) -> Text:
    """Return the embeddings of one prompt for all frames, and of an IP-Adapter's picture.

    A text that is too long for the model is cut; a warning names the words that are lost.
    """
    texts = [prompt] if guidance_scale == 1 else [negative_prompt, prompt]
    if backbone.family.is_joint:
        return Text(*encode_joint(backbone, texts))
    warn_of_cuts(backbone.tokenizer, texts)
    # Stable Diffusion pads with the end token and attends to the padding: no attention mask.
    read = [
        encoder(
            token_ids(tokenizer, texts).to(backbone.device), output_hidden_states=backbone.text_encoder_2 is not None
        )
        for encoder, tokenizer in backbone.text_encoders
    ]
    images: tuple[Tensor, ...] = ()
    if backbone.image_prompt is not None:
        images = (encode_picture(backbone.image_prompt, len(texts), backbone.device),)
    backbone.part_is_over("text")
    if backbone.text_encoder_2 is None:
        return Text(read[0].last_hidden_state, image_embeds=images)
    # SDXL reads the last layer but one of both encoders, without the final norm, and the picture's size: the original
    # size, the crop (none) and the target size that it was trained with.
    size = (backbone.image_size, backbone.image_size)
    pooled = read[1].text_embeds
    time_ids = torch.tensor([(*size, 0, 0, *size)] * len(texts), dtype=pooled.dtype, device=pooled.device)
    return Text(torch.cat([x.hidden_states[-2] for x in read], dim=-1), pooled, time_ids, images)
