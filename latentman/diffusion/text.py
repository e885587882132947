"""Text to embeddings, with a word about whatever the tokenizer had to cut."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from latentman.diffusion.backbone import Backbone

logger = logging.getLogger("latentman.diffusion")


def truncated_text(tokenizer: object, text: str) -> str:
    """Return the end of ``text`` that does not fit into the tokenizer's length (77 tokens), or an empty string."""
    limit = tokenizer.model_max_length  # type: ignore[attr-defined]
    ids = tokenizer(text, truncation=False, add_special_tokens=False, verbose=False).input_ids  # type: ignore[operator]
    return str(tokenizer.decode(ids[limit - 2 :])).strip() if len(ids) > limit - 2 else ""  # type: ignore[attr-defined]


@torch.no_grad()
def encode_prompt(backbone: Backbone, prompt: str, negative_prompt: str, guidance_scale: float) -> Tensor:
    """Return the embeddings of one prompt for all frames.

    A text that is too long is cut, as the model cannot read on; the words that are lost are named in a warning.

    Returns:
        (groups, tokens, channels): [negative, prompt] with guidance, the prompt alone where guidance_scale is 1.
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
    return backbone.text_encoder(tokens.input_ids.to(backbone.device))[0]
