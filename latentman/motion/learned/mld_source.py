"""MLD as a motion source: text to joints (Chen et al., CVPR 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from latentman.config import MotionConfig
from latentman.errors import WeightsError
from latentman.motion.humanml3d import MAX_FRAMES, NUM_FEATURES, recover
from latentman.motion.learned.ancestral import check_steps
from latentman.motion.learned.checkpoint import load_into, read_tensors, select_state
from latentman.motion.learned.checkpoint_file import find_checkpoint
from latentman.motion.learned.mld import MLD, NUM_STEPS, NUM_TRAIN_STEPS, MLDShape, sample_latents
from latentman.motion.learned.source import LearnedSource
from latentman.motion.learned.statistics_file import find_statistics
from latentman.motion.learned.text_encoder import CLIP_LARGE, load_text_encoder
from latentman.types import Array

if TYPE_CHECKING:
    from latentman.motion.source import Surroundings

_PARTS = ("vae.", "denoiser.")


def load_mld(checkpoint: Path) -> MLD:
    """Load the autoencoder and denoiser from a Lightning checkpoint of MLD; evaluators and metrics are skipped.

    Raises:
        WeightsError: if the file is missing or damaged, does not hold an MLD, or its tensors do not fit.
    """
    state = select_state(read_tensors(checkpoint, containers=True), averaged=False)
    state = {key: value for key, value in state.items() if key.startswith(_PARTS)}
    lacking = [part for part in _PARTS if not any(key.startswith(part) for key in state)]
    if lacking:
        raise WeightsError(
            f"{checkpoint} holds no tensors that begin with {' or '.join(lacking)}: MLD's second stage is needed, with "
            "autoencoder and denoiser in one file"
        )
    shape = MLDShape.from_keys({key: tuple(value.shape) for key, value in state.items()})
    if shape.num_features != NUM_FEATURES:
        raise WeightsError(
            f"{checkpoint} makes {shape.num_features} features per frame, but {NUM_FEATURES} are needed: use a model "
            "trained on HumanML3D"
        )
    network = MLD(shape)
    load_into(network, state, what=shape.name, checkpoint=checkpoint)
    return network


def build_mld(cfg: MotionConfig, around: Surroundings) -> LearnedSource:
    """Load an MLD.

    Raises:
        WeightsError: if weights, statistics or text encoder are missing or do not fit.
        ConfigError: if the configuration asks for something that the model cannot do.
    """
    num_steps = cfg.num_inference_steps or NUM_STEPS
    check_steps(num_steps, NUM_TRAIN_STEPS)
    checkpoint = find_checkpoint("mld", cfg.checkpoint, around.weights)
    device = torch.device(around.device)
    network = load_mld(checkpoint).to(device)
    statistics = find_statistics(cfg.statistics, checkpoint, around.weights)
    encode = load_text_encoder(CLIP_LARGE, cfg.text_encoder, network.shape.text_width, device)

    def sample(text: str, length: int, generator: torch.Generator) -> Array:
        noise = torch.randn((1, network.shape.latent_tokens, network.shape.width), generator=generator).to(device)
        latents = sample_latents(
            network.denoiser,
            encode(["", text]).values[:, None],
            latents=noise,
            num_steps=num_steps,
            guidance_scale=cfg.guidance_scale,
        )
        decoded = network.vae.decode(latents.transpose(0, 1), torch.tensor([length], device=device))
        values: Array = decoded[0].double().cpu().numpy()
        return values

    return LearnedSource(sample, lambda values: recover(statistics.denormalise(values)), MAX_FRAMES, cfg)
