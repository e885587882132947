"""The sampling of latent consistency models against diffusers, with a LoRA's weights and with a UNet's own guidance."""

from dataclasses import replace

import diffusers.schedulers.scheduling_lcm as theirs
import pytest
import torch

from latentman.config import ScheduleConfig
from latentman.diffusion.decode import decode
from latentman.diffusion.denoise import Plan, State, denoise
from latentman.diffusion.pwg import GuidancePlan
from latentman.diffusion.schedule import seeded_noise
from latentman.diffusion.schedules import choose_schedule
from latentman.diffusion.text import encode_prompt
from latentman.errors import ConfigError
from latentman.networks.load import load_backbone
from tests.factories.families import depth_pictures, family_setup, make_family_frames, make_unet
from tests.factories.pipelines import reference_pipeline
from tests.factories.tiny_model import ONE_CONTROLNET


@pytest.fixture
def same_noise(monkeypatch):
    """Let diffusers add the noise that a seed and a step stand for here; its own depends on the batch."""
    step = iter(range(100))
    monkeypatch.setattr(
        theirs, "randn_tensor", lambda shape, **_: seeded_noise((1, *shape[1:]), 3, stream=1 + next(step))
    )


def picture_of_diffusers(folder, noise, guidance_scale):
    pipeline = reference_pipeline(folder, "sd15")
    pipeline.scheduler = theirs.LCMScheduler.from_config(pipeline.scheduler.config)
    image = torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2)
    return pipeline(
        prompt="a red robot", negative_prompt="blurry", image=image, latents=noise[:1].clone(),
        guidance_scale=guidance_scale, num_inference_steps=4, output_type="pt",
    ).images  # fmt: skip


def test_a_frame_alone_is_the_picture_of_the_pipeline_of_diffusers(sd15_folder, same_noise):
    loaded = load_backbone(family_setup(sd15_folder), ONE_CONTROLNET, torch.device("cpu"))
    frames = make_family_frames(loaded)
    plan = Plan(num_steps=4, guidance_scale=1.5, seed=3, anchor_modules=(), schedule="lcm")
    ours = decode(loaded, denoise(loaded, frames, plan)[:1])
    assert (ours - picture_of_diffusers(sd15_folder, frames.noise, 1.5)).abs().max() < 1e-4


@pytest.mark.slow
def test_a_unet_that_reads_the_guidance_is_given_it(sd15_folder, tmp_path, same_noise):
    import shutil

    folder = shutil.copytree(sd15_folder, tmp_path / "distilled")
    torch.manual_seed(2)
    make_unet("sd15", time_cond_proj_dim=16).save_pretrained(folder / "unet")
    loaded = load_backbone(family_setup(folder), ONE_CONTROLNET, torch.device("cpu"))
    text = encode_prompt(loaded, "a red robot", "blurry", 1.0)
    frames = replace(make_family_frames(loaded), text=text)
    plan = Plan(num_steps=4, guidance_scale=8.0, seed=3, anchor_modules=(), schedule="lcm")
    ours = decode(loaded, denoise(loaded, frames, plan)[:1])
    assert (ours - picture_of_diffusers(folder, frames.noise, 8.0)).abs().max() < 1e-4
    other = decode(loaded, denoise(loaded, frames, replace(plan, guidance_scale=2.0))[:1])
    assert (ours - other).abs().max() > 1e-3


@pytest.mark.slow
def test_chunks_and_continuing_change_nothing_and_frame_0_stays(backbone, frames, plan):
    plan, states = replace(plan, schedule="lcm"), []
    whole = denoise(backbone, frames, plan, on_step=states.append)
    chunked = denoise(backbone, frames, replace(plan, chunk_size=3))
    assert torch.allclose(whole, chunked, atol=1e-5 * float(whole.abs().max()))
    state = states[2]
    assert state.history == ()
    assert torch.equal(denoise(backbone, frames, plan, state=State(state.step, state.latents.clone())), whole)
    baseline = denoise(backbone, frames, replace(plan, sla_steps=range(0), guidance=GuidancePlan()))
    assert torch.equal(whole[0], baseline[0])
    assert not torch.allclose(whole[1], baseline[1], atol=1e-3)


def test_a_step_begins_near_its_share_of_the_timesteps(backbone):
    for num_steps in (4, 8, 12, 50):
        timesteps = choose_schedule("lcm", backbone.scheduler, num_steps, seed=0).timesteps
        assert all(abs(t - 999 * (1 - k / num_steps)) <= 20 for k, t in enumerate(timesteps))


def test_more_steps_than_weights_are_distilled_with_are_refused(backbone):
    with pytest.raises(ConfigError, match=r"num_inference_steps=51 is more than the 50 timesteps.*between 4 and 8"):
        choose_schedule("lcm", backbone.scheduler, 51, seed=0)
    assert ScheduleConfig("lcm", steps=8).steps == 8
