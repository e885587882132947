"""ControlNets, several at once, and T2I-Adapters steer as in the pipelines of diffusers."""

import shutil

import pytest
import torch

from latentman.config import ConditionerConfig, NetConfig
from latentman.diffusion.denoise import Plan, denoise
from latentman.errors import ShapeError, WeightsError
from latentman.networks.load import load_backbone
from latentman.networks.resolved import check_setup
from tests.factories.families import (
    depth_pictures,
    family_setup,
    make_adapter,
    make_family_frames,
    one_adapter,
    save_net,
)
from tests.factories.pipelines import latents_of, reference_parts
from tests.factories.tiny_model import ONE_CONTROLNET, make_frames

CPU = torch.device("cpu")
ALONE = Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=())


@pytest.mark.slow
def test_two_controlnets_add_up_as_in_the_pipeline_of_diffusers(sd15_folder, second):
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    conditioner = ConditionerConfig(
        name="multi_controlnet", scale=0.9, nets=[NetConfig(), NetConfig(model=second, scale=0.5)]
    )
    loaded = load_backbone(family_setup(sd15_folder), conditioner, CPU)
    frames = make_family_frames(loaded, conditioner)
    ours = denoise(loaded, frames, ALONE)[:1]
    nets = [ControlNetModel.from_pretrained(sd15_folder / "controlnet"), ControlNetModel.from_pretrained(second)]
    pipeline = StableDiffusionControlNetPipeline(
        **reference_parts(sd15_folder), controlnet=nets, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    image = torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2)
    scales = [0.9, 0.9 * 0.5]
    theirs = latents_of(pipeline, frames, image=[image, image], controlnet_conditioning_scale=scales)
    assert (ours - theirs).abs().max() < 1e-4
    one = latents_of(pipeline, frames, image=[image, image], controlnet_conditioning_scale=[0.9, 0.0])
    assert (one - theirs).abs().max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sd15", pytest.param("sdxl", marks=pytest.mark.nightly)])
def test_an_adapter_steers_as_in_the_pipeline_of_diffusers(sd15_folder, sdxl_folder, tmp_path, family):
    from diffusers import StableDiffusionAdapterPipeline, StableDiffusionXLAdapterPipeline, T2IAdapter

    model, source = (
        save_net(tmp_path / "adapter", make_adapter(family)),
        {"sd15": sd15_folder, "sdxl": sdxl_folder}[family],
    )
    conditioner = one_adapter(model, 0.7)
    loaded = load_backbone(family_setup(source), conditioner, CPU)
    assert loaded.controlnets == ()
    frames = make_family_frames(loaded, conditioner)
    ours = denoise(loaded, frames, ALONE)[:1]
    parts, adapter = reference_parts(source, sdxl=family == "sdxl"), T2IAdapter.from_pretrained(model)
    if family == "sdxl":
        pipeline = StableDiffusionXLAdapterPipeline(**parts, adapter=adapter)
    else:
        pipeline = StableDiffusionAdapterPipeline(
            **parts, adapter=adapter, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    image = torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2)
    theirs = latents_of(pipeline, frames, image=image, adapter_conditioning_scale=0.7)
    assert (ours - theirs).abs().max() < 1e-4
    assert (latents_of(pipeline, frames, image=image, adapter_conditioning_scale=0.0) - theirs).abs().max() > 1e-3


def test_an_adapter_for_edges_reads_grey_pictures(sd15_folder, tmp_path):
    conditioner = one_adapter(save_net(tmp_path / "grey", make_adapter("sd15", in_channels=1)))
    loaded = load_backbone(family_setup(sd15_folder), conditioner, CPU)
    assert torch.isfinite(denoise(loaded, make_family_frames(loaded, conditioner), ALONE)).all()


def test_no_conditioner_needs_no_controlnet(sd15_folder, tmp_path):
    copied = shutil.copytree(sd15_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("controlnet"))
    nothing = ConditionerConfig(name="none")
    loaded = load_backbone(family_setup(copied), nothing, CPU)
    assert (loaded.controlnets, loaded.adapter) == ((), None)
    assert torch.isfinite(denoise(loaded, make_family_frames(loaded, nothing), ALONE)).all()
    with pytest.raises(WeightsError, match="no folder controlnet"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


def test_condition_must_divide_into_latent_cells(backbone, disparity):
    with pytest.raises(ShapeError, match="62x62"):
        make_frames(backbone, disparity[:, :62, :62])
