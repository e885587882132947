"""The transformer stack with long skip connections in MLD's networks.

The layers are torch's own, post-norm with GELU: their parameters have the same names and meaning as in the released
checkpoints (Chen et al., CVPR 2023, appendix; the released code).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def encoder_layer(width: int, ff_size: int, num_heads: int) -> nn.TransformerEncoderLayer:
    """Return one layer of self-attention over tokens (L, B, ``width``)."""
    return nn.TransformerEncoderLayer(width, num_heads, ff_size, dropout=0.0, activation="gelu")


def decoder_layer(width: int, ff_size: int, num_heads: int) -> nn.TransformerDecoderLayer:
    """Return one layer of self-attention, then attention over a memory (M, B, ``width``)."""
    return nn.TransformerDecoderLayer(width, num_heads, ff_size, dropout=0.0, activation="gelu")


class SkipTransformer(nn.Module):
    """An odd number of layers; the first half passes its outputs to the second half.

    The k-th layer from the end receives its predecessor's output, concatenated with the output of the k-th layer from
    the start, through a linear layer. With ``with_memory``, layers also attend to a memory.
    """

    def __init__(self, width: int, *, ff_size: int, num_heads: int, num_layers: int, with_memory: bool = False) -> None:
        super().__init__()
        if num_layers % 2 == 0:
            raise ValueError(f"num_layers={num_layers} must be odd: the middle layer has no partner")
        make = decoder_layer if with_memory else encoder_layer
        half = num_layers // 2
        self.with_memory = with_memory
        self.input_blocks = nn.ModuleList(make(width, ff_size, num_heads) for _ in range(half))
        self.middle_block = make(width, ff_size, num_heads)
        self.output_blocks = nn.ModuleList(make(width, ff_size, num_heads) for _ in range(half))
        self.linear_blocks = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(half))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, *, memory: Tensor | None = None, padding: Tensor | None = None) -> Tensor:
        """Return tokens (L, B, C) of the same shape.

        Args:
            tokens: (L, B, C).
            memory: (M, B, C), for a stack with memory.
            padding: (B, L), True on padding tokens, which are not attended to.
        """
        skipped = []
        for block in self.input_blocks:
            tokens = self._apply_block(block, tokens, memory, padding)
            skipped.append(tokens)
        tokens = self._apply_block(self.middle_block, tokens, memory, padding)
        for block, linear in zip(self.output_blocks, self.linear_blocks, strict=True):
            joined: Tensor = linear(torch.cat([tokens, skipped.pop()], dim=-1))  # (L, B, 2C) -> (L, B, C)
            tokens = self._apply_block(block, joined, memory, padding)
        normed: Tensor = self.norm(tokens)
        return normed

    def _apply_block(self, block: nn.Module, tokens: Tensor, memory: Tensor | None, padding: Tensor | None) -> Tensor:
        out: Tensor
        if self.with_memory:
            out = block(tokens, memory, tgt_key_padding_mask=padding)
        else:
            out = block(tokens, src_key_padding_mask=padding)
        return out
