"""Motion in the latents, against the released code's flow field, grid_sample and product of alphas."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import grid_sample, interpolate

from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.conditioning import NoControl
from latentman.diffusion.denoise import denoise
from latentman.diffusion.predict import Prediction
from latentman.diffusion.schedule import build_schedule
from latentman.diffusion.t2v_zero_motion import (
    LatentMotion,
    cell_shift,
    meeting_steps,
    moving_latents,
    renoised,
    shifted,
)
from tests.factories.tiny_model import FRAMES, GRID

RELEASED = LatentMotion(shift=(12.0, 12.0), t0=881, t1=941, smooth_background=0.0)


def flow_warp(x, dx, dy):
    """A constant flow on a grid of 512, brought to the latents' size, sampled nearest with reflection."""
    rows, cols = torch.meshgrid(torch.arange(512.0), torch.arange(512.0), indexing="ij")
    coordinates = torch.stack([cols + dx, rows + dy])[None] / 512 * 2 - 1
    small = interpolate(coordinates, x.shape[-2:], mode="bilinear", align_corners=False)
    return grid_sample(x, small.permute(0, 2, 3, 1), mode="nearest", padding_mode="reflection", align_corners=False)


@pytest.mark.parametrize("cells", [32, 64, 128])
@pytest.mark.parametrize("frame", range(1, 8))
def test_whole_cells_equal_the_flow_field(cells, frame):
    x = torch.arange(cells * cells, dtype=torch.float32).reshape(1, 1, cells, cells)
    dx, dy = 12.0 * frame, -8.0 * frame
    ours = shifted(x, cell_shift(dy, cells), cell_shift(dx, cells))
    assert torch.equal(ours, flow_warp(x, dx, dy))


def test_the_released_shift_of_12_pixels_moves_seven_frames_by_these_cells():
    assert [cell_shift(12.0 * k, 64) for k in range(1, 8)] == [1, 3, 4, 6, 7, 9, 10]


@given(rows=st.integers(-70, 70), cols=st.integers(-70, 70))
def test_a_shift_only_moves_cells_that_are_there(rows, cols):
    x = torch.randn(2, 3, 16, 24)
    moved = shifted(x, rows, cols)
    assert moved.shape == x.shape
    assert set(moved.flatten().tolist()) <= set(x.flatten().tolist())
    if 0 <= rows < 16 and 0 <= cols < 24:
        assert torch.equal(moved[..., : 16 - rows, : 24 - cols], x[..., rows:, cols:])


def test_with_50_steps_the_frames_meet_at_the_released_timesteps(backbone):
    schedule = build_schedule(backbone.scheduler, 50, eta=0.0, seed=0)
    at_t1, at_t0 = meeting_steps(schedule, RELEASED)
    assert (schedule.timesteps[at_t1], schedule.timesteps[at_t0]) == (941, 881)
    ones = torch.ones(1)
    assert float(renoised(ones, schedule, at_t0, at_t1, torch.zeros(1))) ** 2 == pytest.approx(0.5311, abs=1e-4)
    assert float(renoised(torch.zeros(1), schedule, at_t0, at_t1, ones)) ** 2 == pytest.approx(0.4689, abs=1e-4)


@pytest.mark.parametrize("steps", [4, 5, 10, 20, 100, 1000])
def test_any_number_of_steps_leaves_one_between_the_two(backbone, steps):
    schedule = build_schedule(backbone.scheduler, steps, eta=0.0, seed=0)
    at_t1, at_t0 = meeting_steps(schedule, RELEASED)
    assert 0 <= at_t1 < at_t0 < steps
    if steps >= 20:
        assert abs(schedule.timesteps[at_t1] - 941) <= 25 >= abs(schedule.timesteps[at_t0] - 881)


@pytest.fixture
def uncond(frames):
    return replace(frames, control=NoControl(FRAMES, (GRID, GRID)))


def start(backbone, frames, motion):
    networks = Prediction(backbone, frames.text, frames.control, Anchor(), 5.0, FRAMES, follows=False)
    schedule = build_schedule(backbone.scheduler, 20, eta=0.0, seed=0)
    with torch.no_grad():
        return schedule, *moving_latents(networks, schedule, motion, frames.noise, seed=3, figures=frames.figures)


def test_every_frame_is_frame_0_shifted_and_noised_afresh(backbone, uncond):
    schedule, step, latents = start(backbone, uncond, RELEASED)
    at_t1, at_t0 = meeting_steps(schedule, RELEASED)
    assert step == at_t1
    x = uncond.noise[:1]
    networks = Prediction(backbone, uncond.text, uncond.control, Anchor(), 5.0, FRAMES, follows=False)
    with torch.no_grad():
        for k in range(at_t0):
            x, *_ = schedule.step_back(networks(x, schedule.timesteps[k]), k, x)
    share = float(schedule.scheduler.alphas[schedule.timesteps[at_t0] : schedule.timesteps[at_t1]].prod())
    for k in range(1, FRAMES):
        fresh = (latents[k] - share**0.5 * flow_warp(x, 12.0 * k, 12.0 * k)[0]) / (1 - share) ** 0.5
        assert abs(float(fresh.mean())) < 0.15
        assert abs(float(fresh.std()) - 1) < 0.1
    assert torch.equal(latents[0], uncond.noise[0]) == (at_t1 == 0)


def test_fresh_noise_of_a_frame_does_not_depend_on_the_number_of_frames(backbone, uncond):
    longer = replace(uncond, noise=uncond.noise[:1].repeat(FRAMES + 2, 1, 1, 1), figures=None)
    _, _, short = start(backbone, uncond, RELEASED)
    _, _, long = start(backbone, longer, RELEASED)
    assert torch.equal(long[:FRAMES], short)
    assert not torch.allclose(long[1], long[2], atol=0.5)


def test_smoothing_blends_the_background_with_frame_0_and_keeps_the_figures(backbone, uncond):
    moving = replace(RELEASED, shift=(32.0, 0.0))
    _, _, plain = start(backbone, uncond, moving)
    _, _, smooth = start(backbone, uncond, replace(moving, smooth_background=0.6))
    for k in range(1, FRAMES):
        by = cell_shift(32.0 * k, GRID)
        covered = uncond.figures[k] | shifted(uncond.figures[0], 0, by)
        assert torch.equal(smooth[k][:, covered], plain[k][:, covered])
        expected = 0.4 * plain[k] + 0.6 * shifted(plain[0], 0, by)
        assert torch.allclose(smooth[k][:, ~covered], expected[:, ~covered], atol=1e-5)


@pytest.mark.slow
def test_the_loop_continues_from_the_step_where_the_frames_meet(backbone, uncond, plan):
    plan = replace(plan, num_steps=20, latent_motion=RELEASED, anchor_modules=("unet",), sla_steps=range(0))
    plan = replace(plan, guidance=replace(plan.guidance, steps=range(0)))
    states = []
    whole = denoise(backbone, uncond, plan, on_step=states.append)
    _, step, _ = start(backbone, uncond, RELEASED)
    assert [s.step for s in states] == list(range(step + 1, 20 + 1))
    assert torch.equal(denoise(backbone, uncond, plan, state=states[4]), whole)
    still = denoise(backbone, uncond, replace(plan, latent_motion=replace(RELEASED, shift=(0.0, 0.0))))
    assert torch.equal(still[0], whole[0])
    assert not torch.allclose(still[3], whole[3], atol=1e-2)  # 36 pixels of 512 are the first whole cell of 16
