"""The Motion Diffusion Model (Tevet et al., ICLR 2023): a transformer that predicts the clean motion.

Modules and tensors have the names of the released checkpoints, so that their state dicts load unchanged. Axes: N batch,
T frames, D width of the model, F features of a frame (263).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class MDMConfig:
    """The network settings in a checkpoint's ``args.json``, with the released code's defaults."""

    num_features: int = 263
    latent_dim: int = 512
    layers: int = 8
    ff_size: int = 1024
    num_heads: int = 4
    text_dim: int = 512
    diffusion_steps: int = 1000
    mask_frames: bool = False
    arch: str = "trans_enc"
    """trans_enc: the condition is a token before the frames; trans_dec: frames attend to it."""
    emb_trans_dec: bool = False
    """trans_dec with one more token before the frames, which is removed from the output."""
    token: str = "time"
    """What that token holds: ``time`` in the released code since DistilBERT; ``condition``, the time and the text or
    action, in older code and its forks."""
    emb_policy: str = "add"
    """How trans_dec joins the time to a text of many tokens: added to each, or ``concat``: a token before them."""
    condition: str = "text"
    """text, action or none."""
    num_actions: int = 12

    @property
    def name(self) -> str:
        """Description of the detected model, for messages."""
        size = f"{self.layers} layers of width {self.latent_dim}, {self.num_features} features"
        return f"MDM {self.arch} conditioned on {self.condition}, {size}"


def sinusoids(length: int, width: int) -> Tensor:
    """Return the positional encoding (length, 1, width): sines in the even columns, cosines in the odd ones."""
    position = torch.arange(length, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)[:, : width // 2]
    return table[:, None]


class PositionalEncoding(nn.Module):
    """Adds a sinusoidal position to each token; the table is computed, never loaded."""

    pe: Tensor

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.register_buffer("pe", sinusoids(length, width), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens (L, N, D) with row l of the table added to token l."""
        return tokens + self.pe[: len(tokens)]


class TimestepEmbedder(nn.Module):
    """Turns the integer step into a token: its sinusoidal encoding through two layers."""

    def __init__(self, width: int, encoding: PositionalEncoding) -> None:
        super().__init__()
        self.sequence_pos_encoder: PositionalEncoding = encoding
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


class EmbedAction(nn.Module):
    """A vector for each class of an action-to-motion model."""

    def __init__(self, num_actions: int, width: int) -> None:
        super().__init__()
        self.action_embedding = nn.Parameter(torch.randn(num_actions, width))

    def forward(self, actions: Tensor) -> Tensor:
        """Return (N, D) for class numbers (N,)."""
        return self.action_embedding[actions]


class MDM(nn.Module):
    """The network in all its released variants: encoder or decoder, conditioned on text, an action or nothing."""

    max_tokens = 5000

    def __init__(self, config: MDMConfig) -> None:
        super().__init__()
        self.config, width = config, config.latent_dim
        sizes = (width, config.num_heads, config.ff_size, 0.0, "gelu")
        self.input_process = InputProcess(config.num_features, width)
        self.sequence_pos_encoder = PositionalEncoding(width, self.max_tokens)
        if config.arch == "trans_dec":
            self.seqTransDecoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(*sizes), config.layers)
        else:
            layer = nn.TransformerEncoderLayer(*sizes)
            self.seqTransEncoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.embed_timestep = TimestepEmbedder(width, self.sequence_pos_encoder)
        if config.condition == "action":
            self.embed_action = EmbedAction(config.num_actions, width)
        elif config.condition == "text":
            self.embed_text = nn.Linear(config.text_dim, width)
        self.output_process = OutputProcess(config.num_features, width)

    def forward(
        self,
        motion: Tensor,
        timesteps: Tensor,
        text: Tensor | None = None,
        lengths: Tensor | None = None,
        text_padding: Tensor | None = None,
    ) -> Tensor:
        """Return the predicted clean motion (N, F, 1, T).

        Args:
            motion: noisy motion (N, F, 1, T), normalised.
            timesteps: (N,) integer steps of the training schedule.
            text: (N, text_dim) text features, or (N, L, text_dim) features of its tokens; zeros mean no text. For an
                action-to-motion model, (N,) class numbers.
            lengths: (N,) valid frames; a ``mask_frames`` model does not attend to the rest.
            text_padding: (N, L) bool, True on padding tokens.
        """
        time = self.embed_timestep(timesteps)
        frames = self.input_process(motion)
        padding = self._padding(motion, lengths)
        if self.config.arch == "trans_dec":
            return self._decode(frames, time, text, padding, text_padding)
        tokens = self.sequence_pos_encoder(torch.cat([self._condition(time, text), frames]))
        padding = _with_token_ahead(padding)
        out: Tensor = self.output_process(self.seqTransEncoder(tokens, src_key_padding_mask=padding)[1:])
        return out

    def _condition(self, time: Tensor, text: Tensor | None) -> Tensor:
        """Return the embedded time (1, N, D) plus the condition: (1, N, D), or (L, N, D) for a text of many tokens."""
        if text is None or self.config.condition == "none":
            return time
        if self.config.condition == "action":
            return time + self.embed_action(text)[None]
        embedded: Tensor = self.embed_text(text)
        return time + (embedded[None] if embedded.ndim == 2 else embedded.transpose(0, 1))

    def _decode(
        self, frames: Tensor, time: Tensor, text: Tensor | None, padding: Tensor | None, text_padding: Tensor | None
    ) -> Tensor:
        """Return the clean motion (N, F, 1, T) of a ``trans_dec`` model."""
        many = text is not None and text.ndim == 3
        if many and self.config.emb_policy == "concat":
            memory = torch.cat([time, self.embed_text(text).transpose(0, 1)])
            text_padding = _with_token_ahead(text_padding)
        else:
            memory = self._condition(time, text)
        ahead = self.config.emb_trans_dec
        if ahead:
            frames = torch.cat([memory if self.config.token == "condition" and not many else time, frames])
            padding = _with_token_ahead(padding)
        hidden = self.seqTransDecoder(
            self.sequence_pos_encoder(frames),
            memory,
            tgt_key_padding_mask=padding,
            memory_key_padding_mask=text_padding,
        )
        out: Tensor = self.output_process(hidden[1:] if ahead else hidden)
        return out

    def _padding(self, motion: Tensor, lengths: Tensor | None) -> Tensor | None:
        """Return which frames (N, T) are padding."""
        if lengths is None or not self.config.mask_frames:
            return None
        return torch.arange(motion.shape[-1], device=motion.device)[None] >= lengths[:, None]


def _with_token_ahead(padding: Tensor | None) -> Tensor | None:
    """Return padding (N, 1+L) with one additional token in front, which is never padding."""
    return None if padding is None else torch.cat([torch.zeros_like(padding[:, :1]), padding], dim=1)
