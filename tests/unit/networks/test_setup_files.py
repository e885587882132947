"""A setup's files are checked before weights are read; every error names the file."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentman.config import ConditionerConfig, NetConfig, SetupConfig
from latentman.errors import WeightsError
from latentman.networks.checkpoint import check_model_directory
from latentman.networks.resolved import check_setup, resolve_setup
from latentman.system.paths import asset
from tests.factories.families import (
    family_setup,
)
from tests.factories.tiny_model import ONE_CONTROLNET, tiny_setup


def test_the_embedded_model_is_whole():
    check_model_directory(asset("mini-sd"))
    check_setup(
        SetupConfig(
            name="mini", model="asset:mini-sd", image_size=256, latent_size=64, guidance_scale=5, pwg_strength=8
        ),
        ONE_CONTROLNET,
    )


@pytest.mark.parametrize(
    "file", ["unet/config.json", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"]
)
def test_a_missing_file_is_named(copied, file):
    (copied / file).unlink()
    with pytest.raises(WeightsError, match=f"{file.split('/')[1]} is missing"):
        check_setup(tiny_setup(copied), ONE_CONTROLNET)


@pytest.mark.parametrize("keep", [4, 100, -1])
def test_a_truncated_file_is_named(copied, keep):
    path = copied / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="unet/diffusion_pytorch_model"):
        check_setup(tiny_setup(copied), ONE_CONTROLNET)


@pytest.mark.parametrize("component", ["unet", "controlnet", "vae"])
def test_a_wrong_shaped_tensor_is_named(copied, component):
    path = copied / component / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    name = next(k for k, v in tensors.items() if v.ndim == 4)
    save_file({**tensors, name: torch.zeros(3, 3, 3, 3)}, path, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=rf"{name} has shape \(3, 3, 3, 3\)"):
        check_setup(tiny_setup(copied), ONE_CONTROLNET)


def test_a_config_that_is_not_json_is_named(copied):
    (copied / "vae" / "config.json").write_text("{not json")
    with pytest.raises(WeightsError, match=r"cannot read .*vae/config\.json: "):
        check_setup(tiny_setup(copied), ONE_CONTROLNET)


def test_a_model_that_predicts_something_else_is_refused(copied):
    config = copied / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prediction_type": "v_prediction"}))
    with pytest.raises(WeightsError, match="predicts v_prediction"):
        check_setup(tiny_setup(copied), ONE_CONTROLNET)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sdxl"], indirect=True, scope="module")
@pytest.mark.parametrize("part", ["text_encoder_2", "tokenizer_2"])
def test_a_folder_of_sdxl_without_its_second_text_is_incomplete(folder, tmp_path, part):
    copied = shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(copied / part)
    with pytest.raises(WeightsError, match=f"no folder {part}"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


def test_every_network_is_in_the_record(folder, second):
    conditioner = ConditionerConfig(name="multi_controlnet", nets=[NetConfig(), NetConfig(model=second)])
    assert set(resolve_setup(family_setup(folder), conditioner).digests) == {"model", "net_1"}
