"""MDM as a motion source: text or action to joints (Tevet et al., ICLR 2023)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentman.config import MotionConfig
from latentman.errors import ConfigError, WeightsError
from latentman.motion.humanml3d import MAX_FRAMES, recover
from latentman.motion.learned import humanact12
from latentman.motion.learned.ancestral import AncestralSampler, Denoiser, guided
from latentman.motion.learned.checkpoint_file import find_checkpoint
from latentman.motion.learned.mdm import MDM
from latentman.motion.learned.mdm_checkpoint import LoadedMDM, load_mdm
from latentman.motion.learned.source import LearnedSource
from latentman.motion.learned.statistics_file import find_statistics
from latentman.motion.learned.text_encoder import (
    CLIP_BASE,
    DISTILBERT,
    TextEncoder,
    TextFeatures,
    load_mini_encoder,
    load_text_encoder,
)
from latentman.system.paths import user_path
from latentman.types import Array

if TYPE_CHECKING:
    from latentman.motion.source import Surroundings

log = logging.getLogger("latentman.motion")


def build_mdm(cfg: MotionConfig, around: Surroundings) -> LearnedSource:
    """Load an MDM of any variant.

    Raises:
        WeightsError: if weights, statistics or text encoder are missing or do not fit.
        ConfigError: if the configuration asks for something that the model cannot do.
    """
    checkpoint = find_checkpoint("mdm", cfg.checkpoint, around.weights)
    model = load_mdm(checkpoint)
    if model.network.config.condition == "action":
        return _action_source(cfg, model, checkpoint, around)
    return _text_source(cfg, model, checkpoint, around)


def _text_source(cfg: MotionConfig, model: LoadedMDM, checkpoint: Path, around: Surroundings) -> LearnedSource:
    device = torch.device(around.device)
    statistics = find_statistics(cfg.statistics, checkpoint, around.weights)
    sampler = AncestralSampler.make(model.network.config.diffusion_steps, cfg.num_inference_steps)
    network = model.network.to(device)
    encode = _text_encoder(cfg, model, checkpoint, device)
    guidance_scale = _guidance_scale(cfg, model)

    def sample(text: str, length: int, generator: torch.Generator) -> Array:
        # A model without frame masks was trained on clips padded to 196 frames, and works badly at other lengths.
        num_frames = length if network.config.mask_frames else MAX_FRAMES
        denoise = _denoiser(network, encode([text]) if encode else None, guidance_scale)
        out = sampler.sample(denoise, (1, network.config.num_features, 1, num_frames), generator, device=device)
        return frames_of(out, length)

    return LearnedSource(
        sample, lambda values: recover(statistics.denormalise(values)), min(model.args["max_frames"], MAX_FRAMES), cfg
    )


def _action_source(cfg: MotionConfig, model: LoadedMDM, checkpoint: Path, around: Surroundings) -> LearnedSource:
    if model.network.config.num_actions != len(humanact12.ACTIONS):
        raise WeightsError(
            f"{checkpoint} knows {model.network.config.num_actions} actions: only models trained on HumanAct12, with "
            f"{len(humanact12.ACTIONS)}, are supported"
        )
    if around.rest_joints is None:
        raise ConfigError(
            "an action-to-motion model produces rotations, which need a body's joints: use it in `latentman run`, "
            "with any body"
        )
    device = torch.device(around.device)
    sampler = AncestralSampler.make(model.network.config.diffusion_steps, cfg.num_inference_steps)
    network, rest_joints = model.network.to(device), around.rest_joints()

    def sample(text: str, length: int, generator: torch.Generator) -> Array:
        action = torch.tensor([humanact12.choose_action(cfg.action, text)], device=device)
        shape = (1, humanact12.NUM_FEATURES, 1, humanact12.MAX_FRAMES)
        out = sampler.sample(lambda x, steps: network(x, steps, action), shape, generator, device=device)
        return frames_of(out, length)

    return LearnedSource(sample, lambda values: humanact12.joints_of(values, rest_joints), humanact12.MAX_FRAMES, cfg)


def frames_of(out: Tensor, length: int) -> Array:
    """Return the first ``length`` frames (length, F) of a sample (1, F, 1, T), in double precision."""
    frames: Array = out[0, :, 0, :length].T.double().cpu().numpy()
    return frames


def _denoiser(network: MDM, text: TextFeatures | None, guidance_scale: float) -> Denoiser:
    """Return the x0 predictor for one text; a text of many tokens keeps its padding in both halves of the batch."""
    if text is None:
        return lambda x, steps: network(x, steps)
    padding = text.padding

    def conditioned(x: Tensor, steps: Tensor, values: Tensor) -> Tensor:
        out: Tensor = network(x, steps, values, text_padding=None if padding is None else padding.expand(len(x), -1))
        return out

    return guided(conditioned, text.values, guidance_scale)


def _text_encoder(cfg: MotionConfig, model: LoadedMDM, checkpoint: Path, device: torch.device) -> TextEncoder | None:
    config = model.network.config
    if config.condition == "none":
        return None
    if model.args["text_encoder_type"] == "mini":
        folder = checkpoint.parent if cfg.text_encoder is None else user_path(cfg.text_encoder)
        return load_mini_encoder(folder, config.text_dim, device)
    kind = DISTILBERT if model.args["text_encoder_type"] == "bert" else CLIP_BASE
    return load_text_encoder(kind, cfg.text_encoder, config.text_dim, device)


def _guidance_scale(cfg: MotionConfig, model: LoadedMDM) -> float:
    """Return the scale; a model that was trained without empty texts cannot be guided."""
    if model.args["cond_mask_prob"] == 0 and cfg.guidance_scale != 1:
        log.warning(
            "this checkpoint was trained without empty texts (cond_mask_prob 0), so motion.guidance_scale=%g cannot "
            "be used; 1 is used instead",
            cfg.guidance_scale,
        )
        return 1.0
    return cfg.guidance_scale
