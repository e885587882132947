"""Random-weight checkpoints of learned motion models in the layouts of the released files, and tiny text encoders."""

import json
import shutil
from pathlib import Path

import numpy as np
import torch

from latentman.motion.learned.gmd import GMD, GMDShape
from latentman.motion.learned.mdm import MDM, MDMConfig
from latentman.motion.learned.mld import MLD, MLDShape
from latentman.system.paths import asset

TEXT_WIDTH = 16
SMALL_MDM = MDMConfig(latent_dim=32, layers=2, ff_size=48, text_dim=TEXT_WIDTH)
SMALL_MLD = MLDShape(width=16, ff_size=24, vae_layers=3, denoiser_layers=5, text_width=TEXT_WIDTH)
SMALL_GMD = GMDShape(width=16, channels=(16, 8, 24), text_width=TEXT_WIDTH)

TRAINING_ARGS = {"cuda": True, "device": 0, "seed": 10, "batch_size": 64, "lr": 0.0001, "lambda_rcxyz": 0.0}
"""Some keys of the released args.json that are not read."""

HUMANML_STD = np.repeat(
    [0.012826, 0.016927, 0.153766, 0.122244, 0.3, 0.01947, 0.355933], [1, 2, 1, 63, 126, 66, 4]
).astype(np.float32)
"""Deviations similar to HumanML3D's."""


def write_statistics(folder: Path, names: tuple[str, str] = ("Mean.npy", "Std.npy")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    mean = np.zeros(263, dtype=np.float32)
    mean[3] = 0.93855
    np.save(folder / names[0], mean)
    np.save(folder / names[1], HUMANML_STD)


def seeded(make):
    """Build a network with weights that are far from zero everywhere."""
    torch.manual_seed(0)
    network = make().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network


def with_sines(state: dict, width: int) -> dict:
    """Add the other tensors of the released files: the positional table, twice, and parts of CLIP."""
    table = torch.full((50, 1, width), 7.0)
    return {
        "sequence_pos_encoder.pe": table,
        **state,
        "embed_timestep.sequence_pos_encoder.pe": table.clone(),
        "clip_model.visual.proj": torch.zeros(3, 3),
    }


def write_args(folder: Path, **args: object) -> None:
    (folder / "args.json").write_text(json.dumps({**TRAINING_ARGS, **args}), encoding="utf-8")


def write_mdm(folder: Path, config: MDMConfig = SMALL_MDM, *, averaged: bool = False, **args: object) -> MDM:
    """Write args.json, a state dict and statistics; return the network that the loader must return."""
    network = seeded(lambda: MDM(config))
    write_statistics(folder)
    write_args(folder, **{"dataset": "humanml", "arch": config.arch, "use_ema": averaged, **args})
    state = with_sines(network.state_dict(), config.latent_dim)
    wrong = {key: value + 1 for key, value in state.items()}
    torch.save({"model": wrong, "model_avg": state} if averaged else state, folder / "model000200000.pt")
    return network


def write_gmd(folder: Path, shape: GMDShape = SMALL_GMD, **args: object) -> GMD:
    """Write args.json, both state dicts, statistics and the random matrices."""
    network = seeded(lambda: GMD(shape))
    write_statistics(folder, ("Mean_abs_3d.npy", "Std_abs_3d.npy"))
    write_args(folder, **{"arch": "unet", "abs_3d": True, "use_random_proj": True, "dim_mults": [2, 2], **args})
    state = with_sines(network.state_dict(), shape.width)
    torch.save({"model": {k: v + 1 for k, v in state.items()}, "model_avg": state}, folder / "model000500000.pt")
    matrix = np.random.default_rng(0).standard_normal((263, 263))
    matrix[:3] *= 10
    matrix /= np.sqrt(260 + 3 * 100)
    np.save(folder / "rand_proj.npy", matrix.astype(np.float32))
    np.save(folder / "inv_rand_proj.npy", np.linalg.inv(matrix).astype(np.float32))
    return network


def write_mld(folder: Path, shape: MLDShape = SMALL_MLD, **extra: object) -> MLD:
    """Write a Lightning file with the two networks and evaluators, and statistics."""
    network = seeded(lambda: MLD(shape))
    write_statistics(folder)
    junk = {"t2m_textencoder.pos_emb.weight": torch.zeros(2, 2), "metrics.count": torch.tensor(3)}
    content = {
        "state_dict": {**junk, **network.state_dict()},
        "epoch": 1222,
        "pytorch-lightning_version": "1.6",
        **extra,
    }
    torch.save(content, folder / "1222_mld_humanml3d_FID041.ckpt")
    return network


def write_clip(folder: Path, *, width: int = TEXT_WIDTH, positions: int = 77) -> Path:
    """Write a complete CLIP with random weights and image tower, in the hub's format."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(1)
    text = {
        "vocab_size": 1044, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": positions, "projection_dim": width,
        "bos_token_id": 1042, "eos_token_id": 1043, "pad_token_id": 1043,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "image_size": 8, "patch_size": 4, "projection_dim": width,
    }  # fmt: skip
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=width)
    shutil.copytree(asset("mini-sd", "tokenizer"), folder)
    CLIPModel(config).save_pretrained(folder)
    return folder


def write_distilbert(folder: Path, *, width: int = TEXT_WIDTH, positions: int = 12) -> Path:
    from transformers import DistilBertConfig, DistilBertModel, DistilBertTokenizer

    torch.manual_seed(2)
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "person", "walks", "runs", "forward", "##s", "then"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    DistilBertTokenizer.from_pretrained(str(folder)).save_pretrained(folder)
    config = DistilBertConfig(
        vocab_size=len(words), dim=width, hidden_dim=24, n_layers=2, n_heads=2, max_position_embeddings=positions
    )
    DistilBertModel(config).save_pretrained(folder)
    return folder
