"""Finding and reading checkpoints: refused files, and their messages."""

import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from latentman.errors import WeightsError
from latentman.motion.learned.checkpoint import (
    drop,
    load_into,
    read_args,
    read_tensors,
    select_state,
)
from latentman.motion.learned.checkpoint_file import find_checkpoint
from latentman.motion.learned.gmd import TRAJECTORY
from latentman.motion.learned.gmd_source import load_gmd
from latentman.motion.learned.mdm_checkpoint import load_mdm
from latentman.motion.learned.mld_source import load_mld
from tests.factories.motion_checkpoints import (
    SMALL_MDM,
    SMALL_MLD,
    write_args,
    write_gmd,
    write_mdm,
    write_mld,
)


class Runs:
    """An object with which pickle would call ``os.system`` and leave a file behind."""

    def __reduce__(self):
        return os.system, ("touch executed",)


def same_bits(network: torch.nn.Module, other: torch.nn.Module) -> bool:
    mine, theirs = network.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize(
    ("config", "args"),
    [
        (SMALL_MDM, {}),
        (replace(SMALL_MDM, arch="trans_dec"), {"text_encoder_type": "bert", "mask_frames": True}),
        (replace(SMALL_MDM, arch="trans_dec", emb_trans_dec=True), {"emb_trans_dec": True}),
        (replace(SMALL_MDM, condition="none"), {"unconstrained": True}),
        (replace(SMALL_MDM, condition="action", num_features=150), {"cond_mask_prob": 0}),
    ],
)
def test_every_mdm_variant_loads_bit_for_bit(tmp_path, config, args, averaged, caplog):
    written = write_mdm(tmp_path, config, averaged=averaged, **args)
    with caplog.at_level(logging.WARNING):
        loaded = load_mdm(tmp_path / "model000200000.pt")
    assert same_bits(loaded.network, written)
    assert loaded.network.config.arch == config.arch
    assert not loaded.network.training
    assert not caplog.records


def test_gmd_loads_the_averaged_weights_bit_for_bit(tmp_path, caplog):
    written = write_gmd(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert same_bits(load_gmd(tmp_path / "model000500000.pt").network, written)
    assert not caplog.records


def test_gmds_trajectory_model_loads_bit_for_bit(tmp_path):
    small = replace(TRAJECTORY, width=16, channels=(8, 16), text_width=16)
    assert same_bits(load_gmd_of(tmp_path, small), write_gmd(tmp_path, small))


def load_gmd_of(folder: Path, shape) -> torch.nn.Module:
    write_gmd(folder, shape, predict_xstart=False)
    return load_gmd(folder / "model000500000.pt").network


@pytest.mark.parametrize("shape", [SMALL_MLD, replace(SMALL_MLD, denoiser_arch="trans_dec", mlp_dist=True)])
def test_mld_loads_bit_for_bit_despite_a_lightning_files_configuration(tmp_path, shape):
    configuration = OmegaConf.create({"model": {"latent_dim": [1, 256], "name": "mld"}, "path": "x", "lr": 1e-4})
    written = write_mld(
        tmp_path,
        shape,
        hyper_parameters={"cfg": configuration, "where": Path("somewhere"), "number": np.float64(3.0)},
    )
    assert same_bits(load_mld(tmp_path / "1222_mld_humanml3d_FID041.ckpt"), written)


def test_a_file_in_torchs_old_format_is_also_read(tmp_path):
    written = write_mld(tmp_path)
    file = tmp_path / "1222_mld_humanml3d_FID041.ckpt"
    torch.save(torch.load(file, weights_only=True), file, _use_new_zipfile_serialization=False)
    assert same_bits(load_mld(file), written)


def test_safetensors_files_are_also_read(tmp_path):
    from safetensors.torch import save_file

    written = write_mdm(tmp_path)
    (tmp_path / "model000200000.pt").unlink()
    save_file(written.state_dict(), tmp_path / "model.safetensors")
    assert same_bits(load_mdm(find_checkpoint("mdm", str(tmp_path), tmp_path)).network, written)


@pytest.mark.parametrize("load", [load_mdm, load_gmd, load_mld])
def test_a_file_with_code_is_refused_and_its_code_never_runs(tmp_path, load):
    write_args(tmp_path)
    file = tmp_path / "model.ckpt"
    torch.save({"state_dict": {"vae.x": torch.zeros(1)}, "hook": Runs()}, file)
    with pytest.raises(WeightsError, match=r"model.ckpt is refused: .* holds (posix|nt)\.system, which would run code"):
        load(file)
    assert not (tmp_path / "executed").exists()
    assert not Path("executed").exists()


def test_configuration_objects_are_refused_outside_lightning_files(tmp_path):
    write_args(tmp_path)
    torch.save({"model": {}, "cfg": OmegaConf.create({"a": 1})}, tmp_path / "model.pt")
    with pytest.raises(WeightsError, match="is refused: besides tensors it holds omegaconf"):
        load_mdm(tmp_path / "model.pt")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half of one"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=r"cannot read .*model.pt.*download it again"):
        read_tensors(tmp_path / "model.pt")


def test_a_file_that_is_not_a_model_is_named(tmp_path):
    torch.save([torch.zeros(2)], tmp_path / "model.pt")
    with pytest.raises(WeightsError, match="holds a list, not the tensors of a model"):
        read_tensors(tmp_path / "model.pt")


def test_mismatched_tensors_are_listed_with_the_variant(tmp_path):
    write_mdm(tmp_path)
    file = tmp_path / "model000200000.pt"
    state = torch.load(file, weights_only=True)
    state["surplus.weight"] = torch.zeros(1)
    state["output_process.poseFinal.bias"] = torch.zeros(7)
    for part in ("self_attn.in_proj_weight", "linear2.weight", "norm1.weight", "norm2.weight"):
        del state[f"seqTransEncoder.layers.1.{part}"]
    torch.save(state, file)
    with pytest.raises(WeightsError) as caught:
        load_mdm(file)
    message = str(caught.value)
    assert "looks like MDM trans_enc conditioned on text, 2 layers of width 32, 263 features" in message
    assert "6 of its tensors do not fit" in message
    assert message.count("is missing") == 4
    assert "surplus.weight is unknown; ..." in message


def test_a_tensor_of_another_shape_is_named():
    network = torch.nn.Linear(2, 3)
    with pytest.raises(
        WeightsError, match=r"1 of its tensors do not fit: bias is \(4,\) instead of \(3,\); use the unchanged"
    ):
        load_into(network, {"weight": torch.zeros(3, 2), "bias": torch.zeros(4)}, what="x", checkpoint=Path("m.pt"))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"arch": "gru"}, "arch=gru is not supported, only trans_enc or trans_dec"),
        ({"noise_schedule": "linear"}, "noise_schedule=linear is not supported, only cosine"),
        ({"pred_len": 40}, "pred_len=40 is not supported"),
        ({"diffusion_steps": "many"}, "diffusion_steps='many' must be of type int"),
        ({"diffusion_steps": 0}, "diffusion_steps=0 must be from 1 to 100000"),
        ({"diffusion_steps": 10**9}, "diffusion_steps=1000000000 must be from 1 to 100000"),
        ({"num_heads": 3}, r"num_heads=3 does not divide the width \d+ of model000200000\.pt"),
        ({"num_heads": -4}, "num_heads=-4 must be from 1 to 100000"),
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path, args, message):
    write_mdm(tmp_path)
    write_args(tmp_path, **args)
    with pytest.raises(WeightsError, match=message):
        load_mdm(tmp_path / "model000200000.pt")


def test_a_model_of_another_skeleton_is_refused(tmp_path):
    write_mdm(tmp_path, replace(SMALL_MDM, num_features=251))
    with pytest.raises(WeightsError, match="makes 251 features per frame, but 263 are needed"):
        load_mdm(tmp_path / "model000200000.pt")
    write_mld(tmp_path, replace(SMALL_MLD, num_features=251))
    with pytest.raises(WeightsError, match="makes 251 features per frame, but 263 are needed"):
        load_mld(tmp_path / "1222_mld_humanml3d_FID041.ckpt")


def test_mlds_first_stage_alone_is_refused(tmp_path):
    torch.save({"state_dict": {"vae.final_layer.bias": torch.zeros(3)}}, tmp_path / "a.ckpt")
    with pytest.raises(WeightsError, match=r"no tensors that begin with denoiser\..*second stage"):
        load_mld(tmp_path / "a.ckpt")


def test_args_that_are_missing_or_damaged_are_named(tmp_path):
    file = tmp_path / "model.pt"
    with pytest.raises(WeightsError, match=r"there is no args.json in .*describes model.pt.*needs no SMPL"):
        read_args(file, {})
    (tmp_path / "args.json").write_text("{", encoding="utf-8")
    with pytest.raises(WeightsError, match=r"cannot read .*args\.json: "):
        read_args(file, {})
    (tmp_path / "args.json").write_text("[]", encoding="utf-8")
    with pytest.raises(WeightsError, match=r"it must hold a JSON object and holds a list"):
        read_args(file, {})


def test_unknown_args_are_ignored_with_a_warning_and_missing_ones_get_defaults(tmp_path, caplog):
    given = {"arch": "trans_dec", "strange": 1, "lr": 2, "use_ema": None}
    (tmp_path / "args.json").write_text(json.dumps(given), encoding="utf-8")
    values = read_args(tmp_path / "m.pt", {"arch": "trans_enc", "use_ema": False, "scale": 1.0}, frozenset({"lr"}))
    assert values == {"arch": "trans_dec", "use_ema": False, "scale": 1.0}
    assert "unknown keys were ignored: strange" in caplog.text


def test_the_state_is_found_in_every_nesting():
    tensor = torch.zeros(1)
    flat = {"a": tensor, "step": 3}
    assert select_state(flat, averaged=False) == {"a": tensor}
    assert select_state({"state_dict": flat}, averaged=True) == {"a": tensor}
    both = {"model": {"a": tensor}, "model_avg": {"b": tensor}}
    assert list(select_state(both, averaged=False)) == ["a"]
    assert list(select_state(both, averaged=True)) == ["b"]
    assert list(select_state({"model_avg": {"b": tensor}}, averaged=False)) == ["b"]
    assert drop({"x.a": tensor, "y.pe": tensor, "z": tensor}, prefixes=("x.",), suffixes=(".pe",)) == {"z": tensor}
