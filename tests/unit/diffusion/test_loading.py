"""The loader: whole folders load; everything else is refused with the file's name, before weights are read."""

import json
import logging
import shutil
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentman.config import SetupConfig
from latentman.diffusion.schedule import build_schedule, seeded_noise
from latentman.diffusion.text import encode_prompt
from latentman.errors import ConfigError, ShapeError, WeightsError
from latentman.networks.checkpoint import check_model_directory, folder_digest, local_folder, read_header
from latentman.networks.load import load_backbone, load_networks
from latentman.networks.resolved import check_setup, resolve_setup
from latentman.system.paths import asset

from .conftest import ONE_CONTROLNET, make_clip, tiny_setup


@pytest.fixture
def copied(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def test_loader_gives_frozen_networks_in_the_asked_precision(tiny_folder):
    setup = tiny_setup(tiny_folder)
    setup.dtype = "bfloat16"
    backbone = load_backbone(setup, ONE_CONTROLNET, torch.device("cpu"))
    for network in (
        backbone.unet,
        *backbone.controlnets,
        backbone.vae,
        backbone.text_encoder,
        *backbone.control_embeddings,
    ):
        assert {p.dtype for p in network.parameters()} == {torch.bfloat16}
        assert not any(p.requires_grad for p in network.parameters())
        assert not network.training
    assert backbone.vae_scale_factor == 4


def test_the_embedded_model_is_whole():
    check_model_directory(asset("mini-sd"))
    check_setup(
        SetupConfig(
            name="mini", model="asset:mini-sd", image_size=256, latent_size=64, guidance_scale=5, pwg_strength=8
        ),
        ONE_CONTROLNET,
    )


@pytest.mark.parametrize("part", ["unet", "controlnet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_component_is_named(copied, part):
    shutil.rmtree(copied / part)
    with pytest.raises(WeightsError, match=f"no folder {part}"):
        check_model_directory(copied)


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


def test_a_file_that_claims_a_huge_header_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "bomb.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(WeightsError, match="header would be"):
        read_header(path)


@pytest.mark.parametrize("component", ["unet", "controlnet", "vae"])
def test_a_wrong_shaped_tensor_is_named(copied, component):
    path = copied / component / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    name = next(k for k, v in tensors.items() if v.ndim == 4)
    save_file({**tensors, name: torch.zeros(3, 3, 3, 3)}, path, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=rf"{name} has shape \(3, 3, 3, 3\)"):
        check_setup(tiny_setup(copied), ONE_CONTROLNET)


@pytest.mark.parametrize("component", ["unet", "controlnet", "vae", "text_encoder"])
@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_without_some_tensors_is_refused(copied, component):
    path = next((copied / component).glob("*.safetensors"))
    tensors = load_file(path)
    del tensors[sorted(tensors)[0]]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="lacks 1 tensors"):
        load_backbone(tiny_setup(copied), ONE_CONTROLNET, torch.device("cpu"))


def test_a_config_that_is_not_json_is_named(copied):
    (copied / "vae" / "config.json").write_text("{not json")
    with pytest.raises(WeightsError, match=r"vae/config.json is not valid JSON"):
        check_setup(tiny_setup(copied), ONE_CONTROLNET)


def test_a_path_is_told_from_a_hub_id(tmp_path):
    assert local_folder("stable-diffusion-v1-5/stable-diffusion-v1-5") is None
    assert local_folder(str(tmp_path)) == tmp_path
    for missing in ("./nothing", "/no/such/folder", "~/nothing-here-at-all", "asset:nothing", "plainname"):
        with pytest.raises(WeightsError, match="there is no folder"):
            local_folder(missing)


@pytest.mark.filterwarnings("ignore")
def test_an_unreachable_hub_id_is_a_clear_error():
    setup = SetupConfig(
        name="x", model="nobody/nothing", image_size=64, latent_size=16, guidance_scale=5, pwg_strength=8
    )
    with pytest.raises(WeightsError, match=r"cannot load the unet from nobody/nothing(.|\n)*folder on this machine"):
        load_backbone(setup, ONE_CONTROLNET, torch.device("cpu"))


def test_a_controlnet_of_its_own_folder_is_used(tiny_folder, copied, tmp_path):
    (copied / "controlnet").rename(tmp_path / "mine")
    setup = tiny_setup(copied)
    setup.controlnet = str(tmp_path / "mine")
    backbone = load_backbone(setup, ONE_CONTROLNET, torch.device("cpu"))
    expected = load_file(tmp_path / "mine" / "diffusion_pytorch_model.safetensors")["conv_in.weight"]
    assert torch.equal(backbone.controlnets[0].conv_in.weight, expected)
    assert set(resolve_setup(setup, ONE_CONTROLNET).digests) == {"model", "controlnet"}


def test_the_digest_follows_the_weights_and_nothing_else(copied):
    before = folder_digest(copied)
    folder_digest.cache_clear()
    (copied / "CARD.md").write_text("words")
    assert folder_digest(copied) == before
    folder_digest.cache_clear()
    config = copied / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "sample_size": 17}))
    assert folder_digest(copied) != before


def test_prompt_that_is_too_long_is_cut_with_a_word_about_the_rest(backbone, caplog):
    long = "a robot " * 60 + "walks on the moon"
    with caplog.at_level(logging.WARNING):
        embeds = encode_prompt(backbone, long, "blurry", 5.0)
    assert embeds.embeds.shape == (2, 77, 32)
    (record,) = caplog.records
    assert "prompt is longer than the 77 tokens" in record.message
    assert record.message.endswith("walks on the moon'")


def test_prompt_that_fits_is_not_warned_about_and_guidance_1_needs_no_negative(backbone, caplog):
    assert encode_prompt(backbone, "a robot walks", "blurry", 1.0).embeds.shape == (1, 77, 32)
    assert not caplog.records


def test_negative_comes_first(backbone):
    both = encode_prompt(backbone, "a robot", "blurry", 5.0).embeds
    assert torch.allclose(both[1:], encode_prompt(backbone, "a robot", "", 1.0).embeds, atol=1e-5)
    assert torch.allclose(both[:1], encode_prompt(backbone, "blurry", "", 1.0).embeds, atol=1e-5)


def test_condition_must_divide_into_latent_cells(backbone, disparity):
    with pytest.raises(ShapeError, match="62x62"):
        make_clip(backbone, disparity[:, :62, :62])


def test_timesteps_are_those_of_stable_diffusion(backbone):
    schedule = build_schedule(backbone.scheduler, 50, eta=0.0, seed=0)
    assert schedule.timesteps[:3] == (981, 961, 941)
    assert schedule.timesteps[-1] == 1


def test_more_steps_than_were_trained_are_refused(backbone):
    with pytest.raises(ConfigError, match="1000 timesteps"):
        build_schedule(backbone.scheduler, 1001, eta=0.0, seed=0)


def test_noise_depends_on_seed_and_stream_alone():
    a, b, c = (seeded_noise((2, 3), seed, stream=stream) for seed, stream in ((1, 0), (1, 1), (2, 0)))
    assert torch.equal(a, seeded_noise((2, 3), 1, stream=0))
    assert not torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("name", ["DPMSolverMultistepScheduler", "EulerDiscreteScheduler"])
def test_a_model_saved_with_another_scheduler_is_sampled_as_stable_diffusion(copied, name):
    """Their configurations say nothing of clipping, and DDIM clips latents to [-1, 1] unless it is told not to."""
    config = copied / "scheduler" / "scheduler_config.json"
    kept = {key: json.loads(config.read_text())[key] for key in ("beta_start", "beta_end", "beta_schedule")}
    config.write_text(json.dumps({"_class_name": name, "timestep_spacing": "leading", **kept}))
    scheduler = load_backbone(tiny_setup(copied), ONE_CONTROLNET, torch.device("cpu")).scheduler
    assert (scheduler.config.clip_sample, scheduler.config.set_alpha_to_one) == (False, False)
    assert build_schedule(scheduler, 50, eta=0.0, seed=0).timesteps[:2] == (981, 961)


def test_a_model_that_predicts_something_else_is_refused(copied):
    config = copied / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prediction_type": "v_prediction"}))
    with pytest.raises(WeightsError, match="predicts v_prediction"):
        check_setup(tiny_setup(copied), ONE_CONTROLNET)


@pytest.mark.filterwarnings("ignore")
def test_a_revision_of_another_model_is_explained(tiny_folder):
    setup = tiny_setup(tiny_folder)
    setup.model, setup.revision = "nobody/nothing", "0123abc"
    with pytest.raises(WeightsError, match=r"asked for at revision 0123abc, .* set the revision next to it to main"):
        load_backbone(setup, ONE_CONTROLNET, torch.device("cpu"))


def test_a_folder_in_half_precision_alone_is_loaded(copied):
    expected = load_file(copied / "unet" / "diffusion_pytorch_model.safetensors")["conv_in.weight"]
    for file in copied.rglob("*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    backbone = load_backbone(tiny_setup(copied), ONE_CONTROLNET, torch.device("cpu"))
    assert torch.equal(backbone.unet.conv_in.weight, expected)


def test_a_setup_is_resolved_read_and_checked_once(copied):
    """What is changed after the check is not looked at again, by a second check, the digests or the loader."""
    setup = tiny_setup(copied)
    found = check_setup(setup, ONE_CONTROLNET)
    digests = found.digests
    config = copied / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prediction_type": "v_prediction"}))
    found.check()
    assert found.digests is digests
    assert load_networks(found, torch.device("cpu")).scheduler.config.prediction_type == "epsilon"
    with pytest.raises(WeightsError, match="predicts v_prediction"):
        check_setup(setup, ONE_CONTROLNET)


def test_a_setup_that_was_not_checked_is_checked_by_the_loader(copied):
    found = resolve_setup(tiny_setup(copied), ONE_CONTROLNET)
    (copied / "vae" / "config.json").write_text("{not json")
    with pytest.raises(WeightsError, match=r"vae/config.json is not valid JSON"):
        load_networks(found, torch.device("cpu"))
