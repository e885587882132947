"""The Motion Diffusion Model (Tevet et al., ICLR 2023): a transformer that predicts the clean motion.

Names of modules and tensors are those of the released checkpoints, so that their state dicts load as they are. Axes:
N batch, T frames, D width of the model, F features of a frame (263).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class MDMConfig:
    """What a checkpoint's ``args.json`` says of the network, with the released code's values where it is silent."""

    num_features: int = 263
    latent_dim: int = 512
    layers: int = 8
    ff_size: int = 1024
    num_heads: int = 4
    text_dim: int = 512
    diffusion_steps: int = 1000
    mask_frames: bool = False


def sinusoids(length: int, width: int) -> Tensor:
    """Return the positional encoding (length, 1, width): sines in the even columns, cosines in the odd ones."""
    position = torch.arange(length, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)[:, : width // 2]
    return table[:, None]


class PositionalEncoding(nn.Module):
    """Adds a row of sines to each token; the table is computed, never loaded."""

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.register_buffer("pe", sinusoids(length, width), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens (L, N, D) with row l of the table added to token l."""
        return tokens + self.pe[: len(tokens)]


class TimestepEmbedder(nn.Module):
    """Turns the integer step into a token: its row of sines through two layers."""

    def __init__(self, width: int, encoding: PositionalEncoding) -> None:
        super().__init__()
        self.sequence_pos_encoder = encoding
        self.time_embed = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, timesteps: Tensor) -> Tensor:
        """Return (1, N, D) for integer timesteps (N,)."""
        embedded: Tensor = self.time_embed(self.sequence_pos_encoder.pe[timesteps])
        return embedded.permute(1, 0, 2)


class InputProcess(nn.Module):
    """Frames to tokens."""

    def __init__(self, num_features: int, width: int) -> None:
        super().__init__()
        self.poseEmbedding = nn.Linear(num_features, width)

    def forward(self, motion: Tensor) -> Tensor:
        """Return (T, N, D) for motion (N, F, 1, T)."""
        embedded: Tensor = self.poseEmbedding(motion[:, :, 0].permute(2, 0, 1))
        return embedded


class OutputProcess(nn.Module):
    """Tokens to frames."""

    def __init__(self, num_features: int, width: int) -> None:
        super().__init__()
        self.poseFinal = nn.Linear(width, num_features)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (N, F, 1, T) for tokens (T, N, D)."""
        frames: Tensor = self.poseFinal(tokens)
        return frames.permute(1, 2, 0)[:, :, None]


class MDM(nn.Module):
    """The text-to-motion encoder variant (``trans_enc``): one condition token in front of the frames."""

    max_tokens = 5000

    def __init__(self, config: MDMConfig) -> None:
        super().__init__()
        self.config, width = config, config.latent_dim
        self.input_process = InputProcess(config.num_features, width)
        self.sequence_pos_encoder = PositionalEncoding(width, self.max_tokens)
        layer = nn.TransformerEncoderLayer(width, config.num_heads, config.ff_size, 0.0, "gelu")
        self.seqTransEncoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.embed_timestep = TimestepEmbedder(width, self.sequence_pos_encoder)
        self.embed_text = nn.Linear(config.text_dim, width)
        self.output_process = OutputProcess(config.num_features, width)

    def forward(self, motion: Tensor, timesteps: Tensor, text: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the predicted clean motion (N, F, 1, T).

        Args:
            motion: noisy motion (N, F, 1, T), normalised.
            timesteps: (N,) integer steps of the training schedule.
            text: (N, text_dim) text features; zeros stand for no text.
            lengths: (N,) frames that are there; the rest is not attended to by a ``mask_frames`` model.
        """
        condition = self.embed_timestep(timesteps) + self.embed_text(text)[None]
        tokens = self.sequence_pos_encoder(torch.cat([condition, self.input_process(motion)]))
        hidden = self.seqTransEncoder(tokens, src_key_padding_mask=self._padding(motion, lengths))
        frames: Tensor = self.output_process(hidden[1:])
        return frames

    def _padding(self, motion: Tensor, lengths: Tensor | None) -> Tensor | None:
        """Return which tokens (N, 1+T) are padding; the condition never is."""
        if lengths is None or not self.config.mask_frames:
            return None
        frames = torch.arange(motion.shape[-1], device=motion.device)[None] >= lengths[:, None]
        return torch.cat([torch.zeros_like(frames[:, :1]), frames], dim=1)
