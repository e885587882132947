"""The loader: complete folders load in the precision that was asked for; errors name what could not be loaded."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentman.config import SetupConfig
from latentman.diffusion.schedule import build_schedule
from latentman.errors import WeightsError
from latentman.networks.load import load_backbone
from latentman.networks.resolved import resolve_setup
from tests.factories.families import family_setup
from tests.factories.tiny_model import ONE_CONTROLNET, tiny_setup


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
    assert backbone.vae_scale_factor == 8


@pytest.mark.parametrize("component", ["unet", "controlnet", "vae", "text_encoder"])
@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_without_some_tensors_is_refused(copied, component):
    path = next((copied / component).glob("*.safetensors"))
    tensors = load_file(path)
    del tensors[sorted(tensors)[0]]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="lacks 1 tensors"):
        load_backbone(tiny_setup(copied), ONE_CONTROLNET, torch.device("cpu"))


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


@pytest.mark.parametrize("name", ["DPMSolverMultistepScheduler", "EulerDiscreteScheduler"])
def test_a_model_saved_with_another_scheduler_is_sampled_as_stable_diffusion(copied, name):
    """Their configurations say nothing of clipping, and DDIM clips latents to [-1, 1] unless clipping is turned off."""
    config = copied / "scheduler" / "scheduler_config.json"
    kept = {key: json.loads(config.read_text())[key] for key in ("beta_start", "beta_end", "beta_schedule")}
    config.write_text(json.dumps({"_class_name": name, "timestep_spacing": "leading", **kept}))
    scheduler = load_backbone(tiny_setup(copied), ONE_CONTROLNET, torch.device("cpu")).scheduler
    assert (scheduler.config.clip_sample, scheduler.config.set_alpha_to_one) == (False, False)
    assert build_schedule(scheduler, 50, eta=0.0, seed=0).timesteps[:2] == (981, 961)


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


CPU = torch.device("cpu")


def test_the_files_decide_the_family(loaded, family):
    assert (loaded.text_encoder_2 is not None) == (family == "sdxl")
    assert (loaded.tokenizer_2 is not None) == (family == "sdxl")
    assert loaded.vae_scale_factor == 8


def test_the_vae_of_sdxl_is_not_loaded_in_half_precision(folder, family):
    setup = family_setup(folder, dtype="float16")
    backbone = load_backbone(setup, ONE_CONTROLNET, CPU)
    assert backbone.unet.dtype == torch.float16
    assert backbone.vae.dtype == (torch.float32 if family == "sdxl" else torch.float16)
