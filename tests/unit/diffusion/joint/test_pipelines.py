"""One frame of a transformer is the picture that the published pipeline makes."""

import shutil
from dataclasses import replace

import pytest
import torch

from latentman.diffusion.denoise import denoise
from latentman.diffusion.pwg import GuidancePlan
from latentman.networks.load import load_backbone
from tests.factories.families import depth_pictures
from tests.factories.joint_families import (
    IMAGE,
    joint_setup,
    make_joint_controlnet,
    make_joint_frames,
    save_joint_family,
)
from tests.factories.joint_pipelines import published_latents
from tests.factories.tiny_model import ONE_CONTROLNET


@torch.no_grad()
def check_first_frame(backbone, folder, kind, scale, plan, **more):
    frames = make_joint_frames(backbone, scale=scale)
    ours = denoise(backbone, frames, replace(plan, sla_steps=range(0), guidance=GuidancePlan()))[:1]
    picture = torch.from_numpy(depth_pictures(1, IMAGE).transpose(0, 3, 1, 2).copy()) * 2 - 1
    steps = plan.num_steps
    published = published_latents(folder, kind, frames.noise[:1], picture, scale, steps, size=IMAGE, **more)
    assert (ours - published).abs().max() <= 1e-4 * published.abs().max()
    assert published.abs().max() > 0.5


def test_one_frame_is_the_published_pipelines(joint, joint_folder, kind, scale, plan):
    check_first_frame(joint, joint_folder, kind, scale, plan)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [3.5, 1.0])
def test_the_same_with_the_controlnet_of_the_large_model_and_without_t5(tmp_path, plan, scale):
    save_joint_family(tmp_path, "sd3")
    changes = {"joint_attention_dim": None, "use_pos_embed": False, "force_zeros_for_pooled_projection": False}
    shape = {"dual_attention_layers": (), "qk_norm": None, "pos_embed_max_size": None, "pos_embed_type": None}
    shutil.rmtree(tmp_path / "controlnet")
    make_joint_controlnet("sd3", **changes, **shape).save_pretrained(tmp_path / "controlnet")
    setup = joint_setup(tmp_path, t5=False, guidance_scale=scale)
    backbone = load_backbone(setup, ONE_CONTROLNET, torch.device("cpu"))
    plan = replace(plan, guidance_scale=scale)
    check_first_frame(backbone, tmp_path, "sd3", scale, plan, t5=False)
