"""DPM-Solver++ and UniPC with explicit memory against the schedulers of diffusers, alone and in the whole method."""

from dataclasses import replace

import pytest
import torch

from latentman.diffusion.decode import decode
from latentman.diffusion.denoise import Plan, denoise
from latentman.diffusion.latentwarp import LatentWarp
from latentman.diffusion.pwg import GuidancePlan
from latentman.diffusion.schedules import choose_schedule
from latentman.diffusion.t2v_zero_motion import LatentMotion
from latentman.diffusion.tokenflow import TokenFlow
from latentman.errors import ConfigError
from latentman.networks.load import load_backbone
from latentman.pipeline.latent_file import read_state, write_state
from tests.factories.families import depth_pictures, family_setup, make_family_frames
from tests.factories.literal_multistep import SOLVERS, algorithm_1_multistep, make_solver
from tests.factories.pipelines import reference_pipeline
from tests.factories.tiny_model import ONE_CONTROLNET, STEPS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
EVERY = pytest.mark.parametrize("name", SOLVERS)
METHODS = {
    "alone": {},
    "latentwarp": {"latentwarp": LatentWarp(range(2))},
    "tokenflow": {"tokens": TokenFlow(range(1, STEPS), spacing=3)},
}
COMBINATIONS = [
    ("unipc", "tokenflow"),
    *(
        pytest.param(*pair, marks=pytest.mark.slow)
        for pair in (("dpmpp", "alone"), ("unipc", "alone"), ("unipc", "latentwarp"))
    ),
]


def pretended_noise(x, t):
    """A prediction that depends on both of its arguments, in place of networks."""
    return torch.sin(3 * x + float(t) / 200)


@EVERY
@pytest.mark.parametrize("num_steps", [4, 5, 14, 15, 20])
def test_steps_with_explicit_history_equal_diffusers_scheduler_bit_for_bit(backbone, name, num_steps):
    ours = choose_schedule(name, backbone.scheduler, num_steps, seed=0)
    theirs = make_solver(name, backbone.scheduler, num_steps)
    assert ours.timesteps == tuple(theirs.timesteps.tolist())
    x = y = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    history = ()
    for step, t in enumerate(ours.timesteps):
        x, x_0, history = ours.step_back(pretended_noise(x, t), step, x, history)
        y = theirs.step(pretended_noise(y, t), t, y).prev_sample
        assert torch.equal(x, y)
        assert torch.equal(x_0, theirs.model_outputs[-1])


@EVERY
def test_a_step_changes_neither_its_arguments_nor_the_schedule(backbone, name):
    schedule = choose_schedule(name, backbone.scheduler, 6, seed=0)
    x, history = torch.ones(1, 4, 2, 2), ()
    for step in range(3):
        before = [h.clone() for h in history]
        first, again = (schedule.step_back(0.1 * x, step, x, history) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(history, before, strict=True))
        assert torch.equal(first.x_before, again.x_before)
        x, _, history = first


@EVERY
def test_a_correction_keeps_what_guidance_changed(backbone, name):
    schedule = choose_schedule(name, backbone.scheduler, 6, seed=0)
    x = torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    change = torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(2))
    x, _, history = schedule.step_back(pretended_noise(x, schedule.timesteps[0]), 0, x)
    moved = schedule.moved(history, 0, -change)
    alpha = schedule.alpha_cumprod(1)

    def predicting(x_t):  # the same x0 with and without the change, so that only the change makes a difference
        return (x_t - alpha**0.5 * torch.ones_like(x_t)) / (1 - alpha) ** 0.5

    plain = schedule.step_back(predicting(x), 1, x, history).x_before
    changed = schedule.step_back(predicting(x + change), 1, x + change, moved).x_before
    ratio = ((1 - schedule.alpha_cumprod(2)) / (1 - alpha)) ** 0.5
    assert torch.allclose(changed - plain, ratio * change, atol=1e-5)


@EVERY
@torch.no_grad()
def test_the_loop_equals_algorithm_1_with_a_solver_for_every_frame(backbone, frames, plan, name):
    plan = replace(plan, schedule=name)
    ours, literal = denoise(backbone, frames, plan), algorithm_1_multistep(backbone, frames, plan)
    assert torch.allclose(ours, literal, atol=1e-4 * float(literal.abs().max()))


@pytest.mark.parametrize(("name", "method"), COMBINATIONS)
def test_chunks_and_continuing_from_a_file_change_nothing(backbone, frames, plan, name, method, tmp_path):
    plan, states = replace(plan, schedule=name, **METHODS[method]), []
    plan = replace(plan, guidance=replace(plan.guidance, steps=range(1, 3)))
    whole = denoise(backbone, frames, plan, on_step=states.append)
    chunked = denoise(backbone, frames, replace(plan, chunk_size=3))
    assert torch.allclose(whole, chunked, atol=1e-5 * float(whole.abs().max()))
    for state in states[:2]:
        write_state(tmp_path / "state.safetensors", state)
        assert torch.equal(denoise(backbone, frames, plan, state=read_state(tmp_path / "state.safetensors")), whole)


@pytest.mark.parametrize(("name", "gradient"), [("dpmpp", "direct"), ("unipc", "official_uncond")])
def test_the_method_never_changes_frame_0(backbone, frames, plan, name, gradient):
    plan = replace(plan, schedule=name, guidance=replace(plan.guidance, gradient=gradient))
    ours = denoise(backbone, frames, plan)
    baseline = denoise(backbone, frames, replace(plan, sla_steps=range(0), guidance=GuidancePlan()))
    assert torch.equal(ours[0], baseline[0])
    assert not torch.allclose(ours[1], baseline[1], atol=1e-3)


@pytest.mark.slow
@EVERY
def test_latent_motion_begins_the_solver_again_for_all_frames(backbone, frames, plan, name):
    motion = LatentMotion((12.0, 12.0), 881, 941, 0.0)
    plan = replace(plan, schedule=name, num_steps=20, latent_motion=motion, sla_steps=range(0), guidance=GuidancePlan())
    states = []
    denoise(backbone, frames, plan, on_step=states.append)
    assert states[0].step == 2
    assert all(len(h) == len(frames.noise) for h in states[0].history)
    assert torch.isfinite(states[-1].latents).all()


@EVERY
def test_a_frame_alone_is_the_picture_of_the_pipeline_of_diffusers(sd15_folder, name):
    loaded = load_backbone(family_setup(sd15_folder), ONE_CONTROLNET, torch.device("cpu"))
    frames = make_family_frames(loaded)
    plan = Plan(num_steps=4, guidance_scale=5.0, seed=3, anchor_modules=(), schedule=name)
    ours = denoise(loaded, frames, plan)
    pipeline = reference_pipeline(sd15_folder, "sd15")
    pipeline.scheduler = make_solver(name, pipeline.scheduler, 4)
    image = torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2)
    theirs = pipeline(
        prompt="a red robot", negative_prompt="blurry", image=image, latents=frames.noise[:1].clone(),
        guidance_scale=5.0, num_inference_steps=4, output_type="pt",
    ).images  # fmt: skip
    assert (decode(loaded, ours[:1]) - theirs).abs().max() < 1e-4
    assert theirs.std() > 0.01


@EVERY
def test_a_step_begins_at_its_share_of_the_timesteps(backbone, name):
    for num_steps in (8, 12, 20, 50, 100):
        timesteps = choose_schedule(name, backbone.scheduler, num_steps, seed=0).timesteps
        assert all(abs(t - 999 * (1 - k / num_steps)) <= 0.5 for k, t in enumerate(timesteps))


@EVERY
def test_the_spacing_does_not_depend_on_the_models_own_scheduler(backbone, name):
    other = type(backbone.scheduler).from_config(
        {**backbone.scheduler.config, "timestep_spacing": "trailing", "use_karras_sigmas": True}
    )
    schedules = [choose_schedule(name, scheduler, 8, seed=0) for scheduler in (backbone.scheduler, other)]
    assert schedules[0].timesteps == schedules[1].timesteps
    assert torch.equal(*(schedule.scheduler.sigmas for schedule in schedules))


@EVERY
def test_more_steps_than_were_trained_are_refused(backbone, name):
    with pytest.raises(ConfigError, match="1000 timesteps"):
        choose_schedule(name, backbone.scheduler, 1001, seed=0)


@pytest.mark.slow
def test_the_solvers_differ_from_ddim_and_from_each_other(backbone, frames, plan):
    found = [denoise(backbone, frames, replace(plan, schedule=name)) for name in ("ddim", *SOLVERS)]
    assert not any(torch.allclose(found[a], found[b], atol=1e-3) for a, b in ((0, 1), (0, 2), (1, 2)))
