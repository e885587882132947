"""The anchor in a transformer (MMDiT), whose attention is over text and image together.

Image tokens read the image keys and values of their anchor, and the text keys and values of their own frame. Text
tokens read their own frame's, image and text, so that the text's stream is the one that the frame has alone. Frame 0
reads itself, as everywhere. In FLUX's single-stream blocks text and image are one sequence, text first, and are told
apart by the number of text tokens. Keys are kept as they are read: normalised, and turned by their rotary positions,
which are those of the same place in every frame.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from latentman.diffusion.anchor_state import Anchor, gathered, read_first
from latentman.diffusion.heads import attend_heads

Heads = tuple[Tensor, Tensor, Tensor]
"""Queries, keys and values, each (B, L, heads, width of a head)."""


class JointAnchorAttention:
    """A processor for a transformer's attention that follows an :class:`Anchor`.

    Args:
        anchor: what it follows.
        layer: its name.
    """

    def __init__(self, anchor: Anchor, layer: str) -> None:
        self.anchor = anchor
        self.layer = layer

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return the layer's output for image tokens (B, L, C), and for text tokens (B, M, C) where they are apart.

        Args:
            attn: the attention module.
            hidden_states: image tokens; in a single-stream block, text and image tokens in one sequence.
            encoder_hidden_states: text tokens, where they have projections of their own.
            attention_mask: not used by these models.
            image_rotary_emb: cosine and sine of the rotary positions of [text, image].
        """
        image, text = _projected(attn, hidden_states, encoder_hidden_states)
        is_single_stream = text is None and image_rotary_emb is not None
        if image_rotary_emb is not None:
            text, image = _turned(text, image, image_rotary_emb, self.anchor.text_tokens)
        read = self._read(image, text)
        if is_single_stream:
            return read
        count = 0 if text is None else text[0].shape[1]
        out: Tensor = attn.to_out[1](attn.to_out[0](read[:, count:]))
        if text is None:
            return out
        # The last block of Stable Diffusion 3 makes no use of its text's output.
        words = read[:, :count] if attn.context_pre_only else attn.to_add_out(read[:, :count])
        return out, words

    def _read(self, image: Heads, text: Heads | None) -> Tensor:
        """Return what the tokens [text, image] read, (B, M + L, C)."""
        query, key, value = image
        if self.anchor.mode == "off":
            if text is not None:
                query, key, value = (torch.cat(pair, dim=1) for pair in zip(text, image, strict=True))
            return attend_heads(query, key, value)
        key, value = self._anchored(key, value)
        if text is None:
            return attend_heads(query, key, value)
        pictures = attend_heads(query, torch.cat([text[1], key], dim=1), torch.cat([text[2], value], dim=1))
        own = (torch.cat(pair, dim=1) for pair in zip(text[1:], image[1:], strict=True))
        return torch.cat([attend_heads(text[0], *own), pictures], dim=1)

    def _anchored(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image keys and values that every frame reads, (B, n L, heads, width), from its own."""
        anchor, heads = self.anchor, key.shape[2:]
        frames = len(key) // anchor.groups
        key, value = (x.flatten(2).unflatten(0, (anchor.groups, frames)) for x in (key, value))
        if anchor.rule.anchor == "first" and not anchor.rule.union:
            own = (key[:, 0], value[:, 0])
            pair = read_first(anchor, self.layer, lambda: own)
            key, value = (x.unsqueeze(1).expand(-1, frames, -1, -1) for x in pair)
        elif anchor.rule.anchor == "all":
            key, value = (x.detach().flatten(1, 2).unsqueeze(1).expand(-1, frames, -1, -1) for x in (key, value))
        else:
            key, value = gathered(anchor, self.layer, key, value)
        key, value = (x.flatten(0, 1).unflatten(-1, heads) for x in (key, value))
        return key, value


def _projected(attn: Any, image: Tensor, text: Tensor | None) -> tuple[Heads, Heads | None]:
    """Return queries, keys and values of image tokens, and of text tokens that have projections of their own."""

    def heads(tokens: Tensor, names: tuple[str, str, str], norms: tuple[Any, Any]) -> Heads:
        query, key, value = (getattr(attn, name)(tokens).unflatten(-1, (attn.heads, -1)) for name in names)
        return _normalised(query, norms[0]), _normalised(key, norms[1]), value

    own = heads(image, ("to_q", "to_k", "to_v"), (attn.norm_q, attn.norm_k))
    if text is None:
        return own, None
    words = ("add_q_proj", "add_k_proj", "add_v_proj")
    return own, heads(text, words, (attn.norm_added_q, attn.norm_added_k))


def _normalised(x: Tensor, norm: Any) -> Tensor:
    """Return queries or keys after the layer's norm of each head, where it has one."""
    if norm is None:
        return x
    out: Tensor = norm(x)
    return out


def _turned(text: Heads | None, image: Heads, rotary: tuple[Tensor, Tensor], count: int) -> tuple[Heads, Heads]:
    """Return text and image after their rotary positions, apart; ``count`` text tokens lead a single stream."""
    from diffusers.models.embeddings import apply_rotary_emb

    joined = list(image if text is None else (torch.cat(pair, dim=1) for pair in zip(text, image, strict=True)))
    count = count if text is None else text[0].shape[1]
    for index in (0, 1):
        joined[index] = apply_rotary_emb(joined[index], rotary, sequence_dim=1)
    (a, d), (b, e), (c, f) = ((x[:, :count], x[:, count:]) for x in joined)
    return (a, b, c), (d, e, f)
