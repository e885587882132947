"""MLD: a motion's variational autoencoder, a denoiser of its single latent token, and DDIM over that token.

Chen et al., "Executing your Commands via Motion Diffusion in Latent Space", CVPR 2023, and the released code. Modules
are named so that the ``vae.`` and ``denoiser.`` tensors of the released Lightning checkpoint fit unchanged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from latentman.motion.learned.skip_transformer import SkipTransformer, decoder_layer, encoder_layer

NUM_STEPS = 50
"""DDIM steps of the released model."""

GUIDANCE_SCALE = 7.5
"""Classifier-free guidance of the released model, towards the text and away from the empty text."""

NUM_TRAIN_STEPS = 1000
NUM_HEADS = 4
_MAX_POSITIONS = 500


@dataclass(frozen=True, slots=True)
class MLDShape:
    """Sizes and variants of a model; the defaults are those of the released text-to-motion checkpoint."""

    num_features: int = 263
    width: int = 256
    ff_size: int = 1024
    vae_layers: int = 9
    denoiser_layers: int = 9
    text_width: int = 768
    latent_tokens: int = 1
    denoiser_arch: str = "trans_enc"
    """trans_enc with skips, trans_enc_plain without, or trans_dec."""
    mlp_dist: bool = False
    """One token whose projection gives the latent's distribution, instead of separate mean and log-variance tokens."""
    cross_decoder: bool = True
    """The VAE's decoder attends to the latent instead of receiving it as its first tokens."""

    @property
    def name(self) -> str:
        """Description of the detected model, for messages."""
        dist = ", MLP_DIST" if self.mlp_dist else ""
        decoder = "encoder_decoder" if self.cross_decoder else "all_encoder"
        return f"MLD with {self.denoiser_arch} denoiser, {decoder} VAE{dist}, width {self.width}"

    @classmethod
    def from_keys(cls, shapes: Mapping[str, tuple[int, ...]]) -> MLDShape:
        """Read sizes and variant from a checkpoint's names and shapes; missing ones keep their defaults."""

        def count(pattern: str) -> int:
            return len({m.group(1) for m in (re.match(pattern, key) for key in shapes) if m})

        usual = cls()
        skeleton = shapes.get("vae.skel_embedding.weight", (usual.width, usual.num_features))
        tokens = shapes.get("vae.global_motion_token", (2, usual.width))[0]
        mlp_dist = "vae.dist_layer.weight" in shapes
        plain = count(r"denoiser\.encoder\.layers\.(\d+)\.")
        decoder = count(r"denoiser\.decoder\.layers\.(\d+)\.")
        skips = 2 * count(r"denoiser\.encoder\.input_blocks\.(\d+)\.") + 1
        return cls(
            num_features=skeleton[1],
            width=skeleton[0],
            ff_size=shapes.get("vae.encoder.middle_block.linear1.weight", (usual.ff_size,))[0],
            vae_layers=2 * count(r"vae\.encoder\.input_blocks\.(\d+)\.") + 1,
            denoiser_layers=decoder or plain or skips,
            text_width=shapes.get("denoiser.emb_proj.1.weight", (0, usual.text_width))[1],
            latent_tokens=tokens if mlp_dist else max(tokens // 2, 1),
            denoiser_arch="trans_dec" if decoder else "trans_enc_plain" if plain else "trans_enc",
            mlp_dist=mlp_dist,
            cross_decoder="vae.decoder.middle_block.multihead_attn.in_proj_weight" in shapes,
        )


class LearnedPositions(nn.Module):
    """A learned vector for each position, added to tokens (L, B, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pe = nn.Parameter(torch.rand(_MAX_POSITIONS, 1, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens (L, B, C) with their positions added."""
        return tokens + self.pe[: len(tokens)]


class PlainTransformer(nn.Module):
    """A stack without skips, as used in two variants of the denoiser; with a memory it ends in a norm."""

    def __init__(self, shape: MLDShape, *, with_memory: bool) -> None:
        super().__init__()
        make = decoder_layer if with_memory else encoder_layer
        self.layers = nn.ModuleList(make(shape.width, shape.ff_size, NUM_HEADS) for _ in range(shape.denoiser_layers))
        self.norm = nn.LayerNorm(shape.width) if with_memory else nn.Identity()

    def forward(self, tokens: Tensor, *, memory: Tensor | None = None) -> Tensor:
        """Return tokens (L, B, C)."""
        for layer in self.layers:
            tokens = layer(tokens) if memory is None else layer(tokens, memory)
        normed: Tensor = self.norm(tokens)
        return normed


class MotionVAE(nn.Module):
    """Encodes the features of a whole clip to a few tokens and decodes them."""

    def __init__(self, shape: MLDShape) -> None:
        super().__init__()
        stack = partial(
            SkipTransformer, shape.width, ff_size=shape.ff_size, num_heads=NUM_HEADS, num_layers=shape.vae_layers
        )
        self.shape = shape
        self.global_motion_token = nn.Parameter(
            torch.randn(shape.latent_tokens * (1 if shape.mlp_dist else 2), shape.width)
        )
        self.query_pos_encoder = LearnedPositions(shape.width)
        self.query_pos_decoder = LearnedPositions(shape.width)
        self.encoder = stack()
        self.decoder = stack(with_memory=shape.cross_decoder)
        if shape.mlp_dist:
            self.dist_layer = nn.Linear(shape.width, 2 * shape.width)
        self.skel_embedding = nn.Linear(shape.num_features, shape.width)
        self.final_layer = nn.Linear(shape.width, shape.num_features)

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, each (latent tokens, B, C), of normalised features (B, T, 263)."""
        frames = self.skel_embedding(features).transpose(0, 1)  # (T, B, C)
        tokens = self.global_motion_token[:, None].expand(-1, len(features), -1)
        padding = _padding(lengths, features.shape[1], before=len(tokens))
        joined = self.query_pos_encoder(torch.cat([tokens, frames]))
        seen = self.encoder(joined, padding=padding)[: len(tokens)]
        if self.shape.mlp_dist:
            mean, log_variance = self.dist_layer(seen).chunk(2, dim=-1)
        else:
            mean, log_variance = seen.chunk(2, dim=0)
        return mean, log_variance

    def decode(self, latents: Tensor, lengths: Tensor) -> Tensor:
        """Return normalised features (B, T, 263), T the longest length, 0 beyond each clip's own.

        Args:
            latents: (latent tokens, B, C).
            lengths: (B,) frames of each clip, at most 500.
        """
        num_frames, batch = int(lengths.max()), latents.shape[1]
        queries = latents.new_zeros(num_frames, batch, latents.shape[-1])
        padding = _padding(lengths, num_frames)
        if self.shape.cross_decoder:
            out = self.decoder(self.query_pos_decoder(queries), memory=latents, padding=padding)
        else:
            joined = self.query_pos_decoder(torch.cat([latents, queries]))
            padding_all = _padding(lengths, num_frames, before=len(latents))
            out = self.decoder(joined, padding=padding_all)[len(latents) :]
        features: Tensor = self.final_layer(out).transpose(0, 1)  # (B, T, 263)
        return features.masked_fill(padding[..., None], 0.0)


class TimestepEmbedding(nn.Module):
    """The sinusoid of a timestep, cosines first, through two linear layers."""

    def __init__(self, sinusoid_width: int, width: int) -> None:
        super().__init__()
        self.sinusoid_width = sinusoid_width
        self.linear_1 = nn.Linear(sinusoid_width, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, timesteps: Tensor) -> Tensor:
        """Return embeddings (B, C) of timesteps (B,)."""
        half = self.sinusoid_width // 2
        exponent = torch.arange(half, device=timesteps.device, dtype=torch.float32) / half
        angle = timesteps.float()[:, None] * torch.exp(-math.log(10000.0) * exponent)
        sinusoid = torch.cat([angle.cos(), angle.sin()], dim=-1).to(self.linear_1.weight.dtype)
        embedding: Tensor = self.linear_2(nn.functional.silu(self.linear_1(sinusoid)))
        return embedding


class Denoiser(nn.Module):
    """Predicts the noise in a latent token from the timestep and the text."""

    def __init__(self, shape: MLDShape) -> None:
        super().__init__()
        self.shape = shape
        self.time_embedding = TimestepEmbedding(shape.text_width, shape.width)
        # The released model has this ReLU on the text feature, and its position determines the tensors' names.
        self.emb_proj = nn.Sequential(nn.ReLU(), nn.Linear(shape.text_width, shape.width))
        self.query_pos = LearnedPositions(shape.width)
        self.mem_pos = LearnedPositions(shape.width)
        if shape.denoiser_arch == "trans_dec":
            self.decoder = PlainTransformer(shape, with_memory=True)
        elif shape.denoiser_arch == "trans_enc_plain":
            self.encoder: nn.Module = PlainTransformer(shape, with_memory=False)
        else:
            self.encoder = SkipTransformer(
                shape.width, ff_size=shape.ff_size, num_heads=NUM_HEADS, num_layers=shape.denoiser_layers
            )

    def forward(self, latents: Tensor, timesteps: Tensor, text: Tensor) -> Tensor:
        """Return the predicted noise, like ``latents``.

        Args:
            latents: (B, latent tokens, C).
            timesteps: (B,).
            text: (B, text tokens, text width).
        """
        tokens = latents.transpose(0, 1)
        condition = torch.cat([self.time_embedding(timesteps)[None], self.emb_proj(text).transpose(0, 1)])
        if self.shape.denoiser_arch == "trans_dec":
            out = self.decoder(self.query_pos(tokens), memory=self.mem_pos(condition))
        else:
            out = self.encoder(self.query_pos(torch.cat([tokens, condition])))[: len(tokens)]
        noise: Tensor = out.transpose(0, 1)
        return noise


class MLD(nn.Module):
    """Both networks, with the state of the released checkpoint without evaluators and text encoder."""

    def __init__(self, shape: MLDShape | None = None) -> None:
        super().__init__()
        self.shape = shape or MLDShape()
        self.vae = MotionVAE(self.shape)
        self.denoiser = Denoiser(self.shape)


@torch.no_grad()
def sample_latents(
    denoiser: Callable[[Tensor, Tensor, Tensor], Tensor],
    texts: Tensor,
    *,
    latents: Tensor,
    num_steps: int,
    guidance_scale: float,
) -> Tensor:
    """Return latents (1, latent tokens, C) after DDIM without added noise (Song et al., ICLR 2021).

    Args:
        denoiser: predicts the noise from latents, timesteps and texts.
        texts: (2, text tokens, text width): the empty text, then the text.
        latents: (1, latent tokens, C) standard normal noise.
        num_steps: DDIM steps; the released model takes 50: 981, 961, ..., 1.
        guidance_scale: 1 uses only the text.
    """
    scheduler = make_scheduler()
    scheduler.set_timesteps(num_steps)
    if guidance_scale == 1:
        texts = texts[1:]
    for timestep in scheduler.timesteps.tolist():
        now = torch.full((len(texts),), timestep, device=latents.device)
        predicted = denoiser(latents.expand(len(texts), -1, -1), now, texts)
        uncond, cond = predicted[:1], predicted[-1:]
        noise_pred = uncond + guidance_scale * (cond - uncond)
        latents = scheduler.step(noise_pred, timestep, latents, eta=0.0).prev_sample
    return latents


def make_scheduler() -> Any:
    """Return the DDIM scheduler of the released configuration, the same as Stable Diffusion's."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=NUM_TRAIN_STEPS,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def _padding(lengths: Tensor, num_frames: int, *, before: int = 0) -> Tensor:
    """Return (B, before + T), True beyond each length; the ``before`` tokens in front are never padding."""
    positions = torch.arange(-before, num_frames, device=lengths.device)
    return positions[None] >= lengths[:, None]
