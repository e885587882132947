"""An MDM checkpoint in the released layout: ``args.json``, a state dict, and the detection of the variant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentman.errors import WeightsError
from latentman.motion.humanml3d import MAX_FRAMES, NUM_FEATURES
from latentman.motion.learned.checkpoint import drop, load_into, read_args, read_tensors, select_state
from latentman.motion.learned.humanact12 import NUM_FEATURES as ACTION_FEATURES
from latentman.motion.learned.mdm import MDM, MDMConfig

OLDER = ""
"""``text_encoder_type`` of a file without it: older code, whose only text encoder is CLIP."""

DEFAULTS: dict[str, Any] = {
    "dataset": "humanml",
    "arch": "trans_enc",
    "num_heads": 4,
    "cond_mask_prob": 0.1,
    "noise_schedule": "cosine",
    "diffusion_steps": 1000,
    "sigma_small": True,
    "emb_trans_dec": False,
    "emb_policy": "add",
    "text_encoder_type": OLDER,
    "mask_frames": False,
    "use_ema": False,
    "unconstrained": False,
    "context_len": 0,
    "pred_len": 0,
    "multi_target_cond": False,
    "max_frames": MAX_FRAMES,
}
"""The keys that are read from ``args.json``, with the released code's defaults for older files."""

_TRAINING = """
activation adam_beta2 autoregressive autoregressive_include_prefix autoregressive_init avg_model_beta batch_size
cond_mode cuda data_dir device dropout eval_batch_size eval_during_training eval_num_samples eval_rep_times eval_split
external_mode ff_size fps gen_during_training gen_guidance_param gen_num_repetitions gen_num_samples guidance_param
hist_frames keyframe_cond_type lambda_fc lambda_featvel lambda_rcxyz lambda_target_loc lambda_vel latent_dim layers
log_interval lr lr_anneal_steps multi_encoder_type multi_target_loss n_steps nfeats njoints num_frames num_steps
overwrite pos_embed_max_len resume_checkpoint save_dir save_interval seed target_enc_layers target_joint_names text_dim
train_platform train_platform_type use_recon_guidance wandb_project weight_decay
"""

IGNORED = frozenset(_TRAINING.split())
"""Settings of training, and sizes that are read from the tensors themselves."""


@dataclass(frozen=True)
class LoadedMDM:
    """A network with its weights and the values of its ``args.json``."""

    network: MDM
    args: dict[str, Any]


def load_mdm(checkpoint: Path) -> LoadedMDM:
    """Load a checkpoint of MDM.

    Raises:
        WeightsError: if a file is missing or damaged, tensors do not fit, or the kind of model is not supported.
    """
    args = read_mdm_args(checkpoint)
    state = select_state(read_tensors(checkpoint), averaged=args["use_ema"])
    # The positional table is stored twice, its length differs between versions, and it is computed anyway.
    state = drop(state, prefixes=("clip_model.", "bert_model.", "rot2xyz."), suffixes=("sequence_pos_encoder.pe",))
    config = detect(args, {key: tuple(value.shape) for key, value in state.items()})
    wanted = ACTION_FEATURES if config.condition == "action" else NUM_FEATURES
    if config.num_features != wanted:
        raise WeightsError(
            f"{checkpoint} makes {config.num_features} features per frame, but {wanted} are needed: a model trained "
            f"on {args['dataset']} has another skeleton; use one trained on HumanML3D or HumanAct12"
        )
    if config.latent_dim % config.num_heads:
        raise WeightsError(
            f"{checkpoint.parent / 'args.json'}: num_heads={config.num_heads} does not divide the width "
            f"{config.latent_dim} of {checkpoint.name}; use the args.json of its own archive"
        )
    network = MDM(config)
    load_into(network, state, what=config.name, checkpoint=checkpoint)
    return LoadedMDM(network, args)


def read_mdm_args(checkpoint: Path) -> dict[str, Any]:
    """Return the values of ``args.json`` next to a checkpoint.

    Raises:
        WeightsError: if the file is missing or damaged, or describes a model that cannot be sampled here: DiP, GRU, or
            one trained on other data than HumanML3D or HumanAct12.
    """
    args = read_args(checkpoint, DEFAULTS, IGNORED)
    _check_args(args, checkpoint)
    return args


def detect(args: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> MDMConfig:
    """Return the variant, from the names and shapes of the tensors and, for the rest, from ``args.json``."""
    stack = "seqTransDecoder" if any(key.startswith("seqTransDecoder.") for key in shapes) else "seqTransEncoder"
    layers = {m.group(1) for m in (re.match(rf"{stack}\.layers\.(\d+)\.", key) for key in shapes) if m}
    fallback = MDMConfig()
    width, features = shapes.get("input_process.poseEmbedding.weight", (fallback.latent_dim, fallback.num_features))
    condition = "text" if "embed_text.weight" in shapes else "none"
    if "embed_action.action_embedding" in shapes:
        condition = "action"
    return MDMConfig(
        num_features=features,
        latent_dim=width,
        layers=len(layers),
        ff_size=shapes.get(f"{stack}.layers.0.linear1.weight", (fallback.ff_size,))[0],
        num_heads=args["num_heads"],
        text_dim=shapes.get("embed_text.weight", (width, fallback.text_dim))[1],
        diffusion_steps=args["diffusion_steps"],
        mask_frames=args["mask_frames"],
        arch="trans_dec" if stack == "seqTransDecoder" else "trans_enc",
        emb_trans_dec=args["emb_trans_dec"],
        token="condition" if args["text_encoder_type"] == OLDER else "time",
        emb_policy=args["emb_policy"],
        condition=condition,
        num_actions=shapes.get("embed_action.action_embedding", (fallback.num_actions,))[0],
    )


def _check_args(args: Mapping[str, Any], checkpoint: Path) -> None:
    """Refuse settings that would be sampled wrongly.

    Raises:
        WeightsError: naming the setting.
    """
    allowed: dict[str, tuple[Any, ...]] = {
        "dataset": ("humanml", "humanact12"),
        "arch": ("trans_enc", "trans_dec"),
        "noise_schedule": ("cosine",),
        "sigma_small": (True,),
        "text_encoder_type": (OLDER, "clip", "bert", "mini"),
        "emb_policy": ("add", "concat"),
        "context_len": (0,),
        "pred_len": (0,),
        "multi_target_cond": (False,),
    }
    for key, values in allowed.items():
        if args[key] not in values:
            raise WeightsError(
                f"{checkpoint.parent / 'args.json'}: {key}={args[key]} is not supported, only "
                f"{' or '.join(map(str, values))}; use another model of the same project"
            )
    if args["unconstrained"] and args["dataset"] == "humanact12":
        raise WeightsError(
            f"{checkpoint.parent / 'args.json'}: unconstrained=True with dataset=humanact12 is not supported: it makes "
            "rotations of no chosen action; use another model of the same project"
        )
