"""A motion adapter is refused before anything is loaded, where it is missing or belongs to another model."""

from dataclasses import replace

import pytest
import torch

from latentman.config import SamplerConfig
from latentman.errors import ConfigError, WeightsError
from latentman.networks.motion_adapter import check_motion_adapter, load_motion_adapter, motion_adapter_digest
from latentman.networks.resolved import resolve_setup
from tests.factories.families import family_setup
from tests.factories.motion_adapter import make_motion_adapter
from tests.factories.tiny_model import ONE_CONTROLNET, tiny_setup

SAMPLER = SamplerConfig("animatediff", modules=[])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter")
    make_motion_adapter().save_pretrained(folder)
    return folder


@pytest.fixture
def sampler(folder):
    return replace(SAMPLER, motion_adapter=str(folder))


def test_an_adapter_that_fits_is_loaded_and_identified(sd15_folder, sampler):
    found = resolve_setup(family_setup(sd15_folder), ONE_CONTROLNET)
    check_motion_adapter(sampler, found, 8)
    loaded = load_motion_adapter(sampler, found.model_architecture.unet, 8, torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), make_motion_adapter().parameters(), strict=True))
    assert len(motion_adapter_digest(sampler)) == 16


def test_without_an_adapter_the_run_says_what_to_fetch(sd15_folder, monkeypatch):
    found = resolve_setup(family_setup(sd15_folder), ONE_CONTROLNET)
    check_motion_adapter(SamplerConfig("t2v_zero"), found, 8)
    with pytest.raises(WeightsError, match=r"needs a motion adapter.*sampler.motion_adapter=guoyww/animatediff-motion"):
        check_motion_adapter(SAMPLER, found, 8)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"some/adapter is not in .*set sampler.motion_adapter to a folder"):
        check_motion_adapter(replace(SAMPLER, motion_adapter="some/adapter"), found, 8)


def test_an_adapter_of_another_family_and_a_clip_that_is_too_long_are_refused(tiny_folder, sd15_folder, sampler):
    with pytest.raises(WeightsError, match=r"another family.*\[16, 32, 32, 32\], the unet's \[16, 32\]; AnimateDiff's"):
        check_motion_adapter(sampler, resolve_setup(tiny_setup(tiny_folder), ONE_CONTROLNET), 8)
    with pytest.raises(ConfigError, match=r"num_frames=9 is more than the 8 frames"):
        check_motion_adapter(sampler, resolve_setup(family_setup(sd15_folder), ONE_CONTROLNET), 9)


def test_a_folder_without_weights_is_refused(sd15_folder, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"diffusion_pytorch_model.safetensors is missing"):
        check_motion_adapter(
            replace(SAMPLER, motion_adapter=str(tmp_path)), resolve_setup(family_setup(sd15_folder), ONE_CONTROLNET), 8
        )
