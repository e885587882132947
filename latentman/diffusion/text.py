"""Text to embeddings, with a word about whatever the tokenizer had to cut."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from latentman.diffusion.backbone import Backbone

logger = logging.getLogger("latentman.diffusion")


@dataclass(frozen=True)
class Text:
    """What the networks read beside the latents, for every guidance group.

    ``embeds`` (G, L, C): [negative, prompt] with guidance, the prompt alone without. SDXL also reads ``pooled`` (G, P)
    and ``time_ids`` (G, 6): original size, crop and target size in pixels. ``image_embeds`` are an IP-Adapter's, one
    (G, n, d) for each; only the UNet reads them.
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
        """Return what a ControlNet reads: everything but the image embeddings."""
        return replace(self, image_embeds=())

    def arguments(self, frames: int) -> dict[str, Any]:
        """Return the keyword arguments of a network for a batch laid out as (groups * frames)."""
        added: dict[str, Any] = {}
        if self.pooled is not None and self.time_ids is not None:
            added = {"text_embeds": _spread(self.pooled, frames), "time_ids": _spread(self.time_ids, frames)}
        if self.image_embeds:
            added["image_embeds"] = [_spread(x, frames) for x in self.image_embeds]
        return {"encoder_hidden_states": _spread(self.embeds, frames), "added_cond_kwargs": added or None}


def _spread(x: Tensor, frames: int) -> Tensor:
    """(G, ...) -> (G F, ...), group after group like the latents."""
    return x.repeat_interleave(frames, dim=0)


def truncated_text(tokenizer: object, text: str) -> str:
    """Return the end of ``text`` that does not fit into the tokenizer's length (77 tokens), or an empty string."""
    limit = tokenizer.model_max_length  # type: ignore[attr-defined]
    ids = tokenizer(text, truncation=False, add_special_tokens=False, verbose=False).input_ids  # type: ignore[operator]
    return str(tokenizer.decode(ids[limit - 2 :])).strip() if len(ids) > limit - 2 else ""  # type: ignore[attr-defined]


@torch.no_grad()
def encode_prompt(backbone: Backbone, prompt: str, negative_prompt: str, guidance_scale: float) -> Text:
    """Return the embeddings of one prompt for all frames.

    A text that is too long is cut, as the model cannot read on; the words that are lost are named in a warning.
    """
    texts = [prompt] if guidance_scale == 1 else [negative_prompt, prompt]
    for name, text in zip(("prompt", "text.negative"), reversed(texts), strict=False):
        cut = truncated_text(backbone.tokenizer, text)
        if cut:
            logger.warning("%s is longer than the %d tokens the model reads; this end is ignored: '%s'",
                           name, backbone.tokenizer.model_max_length, cut)  # fmt: skip
    tokens = backbone.tokenizer(
        texts,
        padding="max_length",
        max_length=backbone.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    # Stable Diffusion pads with the end token and attends to the padding: no attention mask.
    return Text(backbone.text_encoder(tokens.input_ids.to(backbone.device))[0])
