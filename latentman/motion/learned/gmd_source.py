"""GMD as a motion source: text, and optionally a path of the root, to joints (Karunratanakul et al., ICCV 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from latentman.config import MotionConfig
from latentman.errors import WeightsError
from latentman.motion.humanml3d import MAX_FRAMES, NUM_FEATURES, Statistics
from latentman.motion.learned.ancestral import AncestralSampler, guided
from latentman.motion.learned.checkpoint import drop, load_into, read_args, read_tensors, select_state
from latentman.motion.learned.checkpoint_file import NO_SMPL, find_checkpoint
from latentman.motion.learned.gmd import GMD, GMDShape, Projection, follow_path, recover_absolute
from latentman.motion.learned.source import LearnedSource
from latentman.motion.learned.statistics_file import ABSOLUTE, find_statistics, read_array
from latentman.motion.learned.text_encoder import CLIP_BASE, load_text_encoder
from latentman.motion.learned.trajectory import read_trajectory
from latentman.types import Array

if TYPE_CHECKING:
    from latentman.motion.source import Surroundings

DEFAULTS: dict[str, Any] = {
    "noise_schedule": "cosine",
    "diffusion_steps": 1000,
    "sigma_small": True,
    "predict_xstart": True,
    "abs_3d": False,
    "use_random_proj": False,
    "std_scale_shift": [1.0, 0.0],
    "drop_redundant": False,
    "train_keypoint_mask": "none",
}
"""The keys that are read from ``args.json``, with the released code's defaults."""

_TRAINING = """
adam_beta2 apply_zero_mask arch augment_type avg_model_beta batch_size clip_range cond_mask_prob cuda data_dir dataset
device dim_mults emb_trans_dec eval_batch_size eval_during_training eval_mode eval_num_samples eval_rep_times eval_split
eval_use_avg ff_size full_traj_inpaint grad_clip guidance_param impute_until lambda_fc lambda_rcxyz lambda_vel
latent_dim layers log_interval lr lr_anneal_steps model_path num_frames num_steps out_mult overwrite random_proj_scale
resume_checkpoint save_dir save_interval seed skip_first time_weighted_loss train_platform_type train_x0_as_eps
traj_extra_weight traj_only unconstrained unet_adagn unet_zero use_ddim use_fp16 weight_decay xz_only
"""

IGNORED = frozenset(_TRAINING.split())
"""Settings of training and evaluation, and sizes that are read from the tensors themselves."""


@dataclass(frozen=True)
class LoadedGMD:
    """A network with its weights and the values of its ``args.json``."""

    network: GMD
    args: dict[str, Any]


def load_gmd(checkpoint: Path) -> LoadedGMD:
    """Load a motion or trajectory model of GMD, with averaged weights if the file has them.

    Raises:
        WeightsError: if a file is missing or damaged, or tensors do not fit.
    """
    args = read_args(checkpoint, DEFAULTS, IGNORED)
    state = select_state(read_tensors(checkpoint), averaged=True)
    state = drop(state, prefixes=("clip_model.", "rot2xyz."), suffixes=("sequence_pos_encoder.pe",))
    shape = GMDShape.from_keys({key: tuple(value.shape) for key, value in state.items()})
    network = GMD(shape)
    load_into(network, state, what=shape.name, checkpoint=checkpoint)
    return LoadedGMD(network, args)


def build_gmd(cfg: MotionConfig, around: Surroundings) -> LearnedSource:
    """Load a GMD motion model.

    Raises:
        WeightsError: if weights, statistics, projection or text encoder are missing or do not fit.
        ConfigError: if the configuration asks for something that the model cannot do.
        DataError: if ``motion.trajectory`` cannot be read.
    """
    path = read_trajectory(cfg.trajectory, cfg.length or MAX_FRAMES) if cfg.trajectory is not None else None
    checkpoint = find_checkpoint("gmd", cfg.checkpoint, around.weights)
    model = load_gmd(checkpoint)
    _check_model(model, checkpoint)
    device = torch.device(around.device)
    projection = _projection(cfg, model.args, checkpoint, around.weights)
    sampler = AncestralSampler.make(model.args["diffusion_steps"], cfg.num_inference_steps)
    encode = load_text_encoder(CLIP_BASE, cfg.text_encoder, model.network.shape.text_width, device)
    network = model.network.to(device)

    start = np.zeros(2) if path is None else path[0]  # clips of the data set start at x = z = 0

    def sample(text: str, length: int, generator: torch.Generator) -> Array:
        denoise = guided(network, encode([text]).values, cfg.guidance_scale)
        if path is not None:
            denoise = follow_path(denoise, projection, torch.as_tensor(path - start))
        out = sampler.sample(denoise, (1, NUM_FEATURES, 1, MAX_FRAMES), generator, device=device)
        features: Array = projection.decode(out[0, :, 0, :length].T.double().cpu()).numpy()
        return features

    def decode(features: Array) -> Array:
        return recover_absolute(features) + np.array([start[0], 0.0, start[1]])

    return LearnedSource(sample, decode, MAX_FRAMES, cfg)


def _check_model(model: LoadedGMD, checkpoint: Path) -> None:
    """Refuse settings that would be sampled wrongly.

    Raises:
        WeightsError: naming the reason.
    """
    if model.network.shape.num_features != NUM_FEATURES:
        raise WeightsError(
            f"{checkpoint} makes {model.network.shape.num_features} features per frame, but {NUM_FEATURES} are "
            "needed: it is GMD's trajectory model, or a model trained on other data; set motion.checkpoint to the "
            "motion model, and give a path of the root with motion.trajectory"
        )
    _check_args(model.args, checkpoint)


def read_gmd_args(checkpoint: Path) -> dict[str, Any]:
    """Return the values of ``args.json`` next to a checkpoint.

    Raises:
        WeightsError: if the file is missing or damaged, or describes a model that cannot be sampled here.
    """
    args = read_args(checkpoint, DEFAULTS, IGNORED)
    _check_args(args, checkpoint)
    return args


def _check_args(args: Mapping[str, Any], checkpoint: Path) -> None:
    wanted = {
        "noise_schedule": "cosine",
        "sigma_small": True,
        "predict_xstart": True,
        "abs_3d": True,
        "drop_redundant": False,
        "train_keypoint_mask": "none",
    }
    for key, value in wanted.items():
        if args[key] != value:
            raise WeightsError(
                f"{checkpoint.parent / 'args.json'}: {key}={args[key]} is not supported, only {value}; use the "
                "released model unet_adazero_xl_x0_abs_proj10_fp16_clipwd_224"
            )


def find_matrix(checkpoint: Path, name: str) -> Path:
    """Return the file of a random matrix next to the checkpoint.

    Raises:
        WeightsError: if it is not there.
    """
    file = checkpoint.parent / name
    if not file.is_file():
        raise WeightsError(
            f"there is no {name} in {checkpoint.parent}: the model cannot be used without the random matrix it was "
            "trained with; it is in the folder dataset/ of the project guided-motion-diffusion's repository "
            f"(github.com/korrawe/guided-motion-diffusion): copy it next to the checkpoint; {NO_SMPL}"
        )
    return file


def _projection(cfg: MotionConfig, args: Mapping[str, Any], checkpoint: Path, weights: Path) -> Projection:
    """Return the statistics and the random matrix of the model.

    Raises:
        WeightsError: if one of their files is missing or damaged.
    """
    statistics = find_statistics(cfg.statistics, checkpoint, weights, names=ABSOLUTE)
    scale, shift = args["std_scale_shift"]
    statistics = Statistics(statistics.mean, statistics.std * scale + shift)
    if not args["use_random_proj"]:
        return Projection.make(statistics, np.eye(NUM_FEATURES), np.eye(NUM_FEATURES))
    matrices = [read_array(find_matrix(checkpoint, name)) for name in ("rand_proj.npy", "inv_rand_proj.npy")]
    return Projection.make(statistics, *matrices)
