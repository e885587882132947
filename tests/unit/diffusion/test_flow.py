"""Flow matching: its levels, and windows by noise level."""

import numpy as np
import pytest
import torch

from latentman.diffusion.flow import build_flow, share_of
from latentman.errors import ConfigError


def flow(steps=40, packed_tokens=None, **config):
    from diffusers import FlowMatchEulerDiscreteScheduler

    return build_flow(FlowMatchEulerDiscreteScheduler(**config), steps, seed=0, packed_tokens=packed_tokens)


@pytest.mark.parametrize(
    ("config", "tokens"),
    [({"shift": 3.0}, None), ({"use_dynamic_shifting": True}, 4096), ({"use_dynamic_shifting": True}, 64), ({}, 4096)],
)
def test_a_step_is_the_schedulers_own(config, tokens):
    schedule = flow(4, tokens, **config)
    x, velocity = torch.randn(2, 1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    schedule.scheduler.set_begin_index(0)
    for step in range(4):
        back = schedule.step_back(velocity, step, x)
        level = schedule.level(step)
        assert torch.allclose(back.x_0, x / level.signal - level.ratio * velocity)
        x = schedule.scheduler.step(velocity, torch.tensor(schedule.timesteps[step]), x).prev_sample
        assert torch.allclose(back.x_before, x, atol=1e-6)
    assert schedule.sigmas[-1] == 0
    assert torch.equal(schedule.step_back(velocity, 3, x).history or torch.zeros(1), torch.zeros(1))


def test_a_window_means_the_noise_levels_of_stable_diffusions_schedule():
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    abar = (1 - betas).cumprod(0).numpy()
    schedule = flow(100, shift=3.0)
    for window in ([0.0, 0.4], [0.2, 0.7], [0.5, 1.0]):
        inside = schedule.window("sla.window", window)
        # Of both schedules, the ratio of noise to signal at the edges.
        edges = [1000 - round(1000 * edge) - 1 for edge in window]
        ratios = [np.sqrt((1 - abar[max(t, 0)]) / abar[max(t, 0)]) for t in edges]
        sigmas = np.array(schedule.sigmas[:-1])
        expected = np.flatnonzero(
            ((sigmas / np.maximum(1 - sigmas, 1e-12) <= ratios[0]) | (window[0] == 0))
            & ((sigmas / np.maximum(1 - sigmas, 1e-12) > ratios[1]) | (window[1] == 1))
        )
        assert (inside.start, inside.stop) == (expected[0], expected[-1] + 1)
    # The shift keeps more steps at high noise: 40 % of Stable Diffusion's way are more of the steps here.
    assert len(schedule.window("sla.window", [0.0, 0.4])) > 50


def test_shares_fall_with_the_noise():
    shares = [share_of(sigma) for sigma in (1.0, 0.9, 0.5, 0.1, 0.0)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)


def test_a_window_without_a_step_is_refused():
    with pytest.raises(ConfigError, match=r"pwg.window=\[0.4, 0.45\] holds no step of a run with T=4.*shares 0.000"):
        flow(4, shift=3.0).window("pwg.window", [0.4, 0.45])


def test_more_steps_than_timesteps_are_refused():
    with pytest.raises(ConfigError, match="1001 is more than the 1000"):
        flow(1001)
