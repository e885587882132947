"""The timesteps and the seeded noise of DDIM."""

import pytest
import torch

from latentman.diffusion.schedule import build_schedule, seeded_noise
from latentman.errors import ConfigError


def test_timesteps_are_those_of_stable_diffusion(backbone):
    schedule = build_schedule(backbone.scheduler, 50, eta=0.0, seed=0)
    assert schedule.timesteps[:3] == (981, 961, 941)
    assert schedule.timesteps[-1] == 1


def test_more_steps_than_were_trained_are_refused(backbone):
    with pytest.raises(ConfigError, match="1000 timesteps"):
        build_schedule(backbone.scheduler, 1001, eta=0.0, seed=0)


def test_noise_depends_on_seed_and_stream_alone():
    a, b, c = (seeded_noise((2, 3), seed, stream=stream) for seed, stream in ((1, 0), (1, 1), (2, 0)))
    assert torch.equal(a, seeded_noise((2, 3), 1, stream=0))
    assert not torch.equal(a, b)
    assert not torch.equal(a, c)
