"""One frame of a transformer is the picture that the published pipeline makes."""

from dataclasses import replace

import pytest
import torch

from latentman.diffusion.denoise import denoise
from latentman.diffusion.pwg import GuidancePlan
from tests.factories.joint_families import IMAGE, depth_pictures, make_joint_frames
from tests.factories.joint_pipelines import published_latents


@torch.no_grad()
def test_one_frame_is_the_published_pipelines(joint, joint_folder, kind, scale, plan):
    frames = make_joint_frames(joint, scale=scale)
    ours = denoise(joint, frames, replace(plan, sla_steps=range(0), guidance=GuidancePlan()))[:1]
    picture = torch.from_numpy(depth_pictures()[:1].transpose(0, 3, 1, 2).copy()) * 2 - 1
    published = published_latents(joint_folder, kind, frames.noise[:1], picture, scale, plan.num_steps, size=IMAGE)
    assert (ours - published).abs().max() <= 1e-4 * published.abs().max()
    assert published.abs().max() > 0.5
