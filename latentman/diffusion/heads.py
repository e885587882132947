"""Attention of several heads, for UNets and for transformers."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


def attend_heads(query: Tensor, key: Tensor, value: Tensor, *, scale: float | None = None) -> Tensor:
    """Return attention of (B, Q, heads, width) over (B, K, heads, width), as (B, Q, C); None scales by the width."""
    query, key, value = (x.transpose(1, 2) for x in (query, key, value))
    out: Tensor = scaled_dot_product_attention(query, key, value, scale=scale).transpose(1, 2).flatten(2)
    return out
