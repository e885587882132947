"""The published architectures, with narrow layers: a frame alone comes out as from the pipelines of diffusers."""

import shutil

import pytest
import torch

from latentman.config import SetupConfig
from latentman.diffusion.attention_layers import AnchorRule, layers_that_follow, self_attention_layers
from latentman.diffusion.decode import decode
from latentman.diffusion.denoise import Plan, denoise
from latentman.diffusion.pwg_gradient import GuidancePlan
from latentman.diffusion.text import encode_prompt
from latentman.engine.compose import compose
from latentman.errors import WeightsError
from latentman.networks.load import load_backbone
from latentman.networks.resolved import check_setup

from .conftest import ONE_CONTROLNET
from .families import FRAMES, GRID, IMAGE, depth_pictures, family_setup, make_family_clip

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def loaded(folder):
    return load_backbone(family_setup(folder), ONE_CONTROLNET, CPU)


def reference_pipeline(folder, family):
    """The pipeline of diffusers, its parts loaded one by one."""
    from diffusers import (
        AutoencoderKL,
        ControlNetModel,
        DDIMScheduler,
        StableDiffusionControlNetPipeline,
        StableDiffusionXLControlNetPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    parts = {
        "vae": AutoencoderKL, "unet": UNet2DConditionModel, "controlnet": ControlNetModel,
        "text_encoder": CLIPTextModel, "tokenizer": CLIPTokenizer, "scheduler": DDIMScheduler,
    }  # fmt: skip
    if family == "sdxl":
        parts |= {"text_encoder_2": CLIPTextModelWithProjection, "tokenizer_2": CLIPTokenizer}
    loaded = {name: cls.from_pretrained(folder, subfolder=name) for name, cls in parts.items()}
    if family == "sdxl":
        pipeline = StableDiffusionXLControlNetPipeline(**loaded, add_watermarker=False)
    else:
        pipeline = StableDiffusionControlNetPipeline(
            **loaded, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_a_frame_alone_is_the_picture_of_the_pipeline_of_diffusers(folder, family, loaded):
    clip = make_family_clip(loaded)
    plan = Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=())
    ours = denoise(loaded, clip, plan)
    image = torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2)
    theirs = reference_pipeline(folder, family)(
        prompt="a red robot", negative_prompt="blurry", image=image, latents=clip.noise[:1].clone(), guidance_scale=5.0,
        num_inference_steps=2, output_type="pt",
    ).images  # fmt: skip
    assert (decode(loaded, ours[:1]) - theirs).abs().max() < 1e-4
    assert theirs.std() > 0.01


def test_the_whole_method_runs_on_the_family(loaded):
    plan = Plan(
        num_steps=2,
        guidance_scale=5.0,
        seed=3,
        anchor_modules=("unet", "controlnet"),
        sla_steps=range(0, 2),
        guidance=GuidancePlan(steps=range(0, 2), delta=0.01, strength=4.0),
    )
    clip = make_family_clip(loaded)
    guided = denoise(loaded, clip, plan)
    assert torch.isfinite(guided).all()
    alone = denoise(loaded, clip, Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=()))
    assert (guided - alone).abs().max() > 1e-3
    assert guided.shape == (FRAMES, 4, GRID, GRID)


def test_the_family_is_told_by_the_files(loaded, family):
    assert (loaded.text_encoder_2 is not None) == (family == "sdxl")
    assert (loaded.tokenizer_2 is not None) == (family == "sdxl")
    assert loaded.vae_scale_factor == 8


@pytest.mark.parametrize("family", ["sdxl"], indirect=True, scope="module")
def test_sdxl_is_told_the_size_of_the_picture_and_reads_the_negative_first(loaded):
    text = encode_prompt(loaded, "a red robot", "blurry", 5.0)
    assert text.embeds.shape == (2, 77, 24 + 40)
    assert text.pooled.shape == (2, 20)
    assert text.time_ids.tolist() == [[IMAGE, IMAGE, 0, 0, IMAGE, IMAGE]] * 2
    alone = encode_prompt(loaded, "a red robot", "", 1.0)
    assert torch.allclose(text.pooled[1:], alone.pooled, atol=1e-5)
    assert not torch.allclose(text.pooled[0], text.pooled[1], atol=1e-2)


def test_masactrl_takes_the_decoder_of_every_family(loaded, family):
    layers = self_attention_layers(loaded.unet)
    assert len(layers) == {"sd15": 16, "sdxl": 70}[family]
    decoder = layers_that_follow(loaded.unet, AnchorRule(layers="decoder"), is_unet=True)
    # SD1.5: 10 to 15 of 16, as in MasaCtrl. SDXL: its decoder has attention at two resolutions, and 36 layers there.
    assert decoder == layers[{"sd15": 10, "sdxl": 34}[family] :]


def test_the_vae_of_sdxl_is_not_loaded_in_half_precision(folder, family):
    setup = family_setup(folder, dtype="float16")
    backbone = load_backbone(setup, ONE_CONTROLNET, CPU)
    assert backbone.unet.dtype == torch.float16
    assert backbone.vae.dtype == (torch.float32 if family == "sdxl" else torch.float16)


@pytest.mark.parametrize("family", ["sdxl"], indirect=True, scope="module")
@pytest.mark.parametrize("part", ["text_encoder_2", "tokenizer_2"])
def test_a_folder_of_sdxl_without_its_second_text_is_incomplete(folder, tmp_path, part):
    copied = shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(copied / part)
    with pytest.raises(WeightsError, match=f"no folder {part}"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


def test_the_setup_of_sdxl_composes_to_its_published_sizes():
    setup: SetupConfig = compose(["setup=sdxl"]).setup
    assert (setup.image_size, setup.latent_size) == (1024, 128)
    assert setup.pwg_strength == setup.guidance_scale - 1
    assert set(setup.steps) == {"t2v_zero", "t2v_zero_uncond", "masactrl", "per_frame"}
    assert all(len(x) == 40 for x in (setup.revision, setup.controlnet_revision, setup.architecture_revision))
