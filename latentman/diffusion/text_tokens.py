"""Text to tokens, with a warning about text that had to be cut."""

from __future__ import annotations

import logging
from typing import Any

from torch import Tensor

logger = logging.getLogger("latentman.diffusion")


def token_ids(tokenizer: Any, texts: list[str], length: int | None = None) -> Tensor:
    """Return the tokens (G, length) of texts, padded and cut; ``length`` None is the tokenizer's own."""
    length = length or tokenizer.model_max_length
    ids: Tensor = tokenizer(
        texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids
    return ids


def truncated_text(tokenizer: Any, text: str, length: int | None = None) -> str:
    """Return the end of ``text`` that does not fit into ``length`` tokens (CLIP's own: 77), or an empty string."""
    room = (length or tokenizer.model_max_length) - tokenizer.num_special_tokens_to_add()
    ids = tokenizer(text, truncation=False, add_special_tokens=False, verbose=False).input_ids
    return str(tokenizer.decode(ids[room:])).strip() if len(ids) > room else ""


def warn_of_cuts(tokenizer: Any, texts: list[str], length: int | None = None) -> None:
    """Warn of the words of the prompt, and of the negative prompt, that do not fit into ``length`` tokens."""
    for name, text in zip(("prompt", "text.negative"), reversed(texts), strict=False):
        cut = truncated_text(tokenizer, text, length)
        if cut:
            logger.warning("%s is longer than the %d tokens the model reads; this end is ignored: '%s'",
                           name, length or tokenizer.model_max_length, cut)  # fmt: skip
