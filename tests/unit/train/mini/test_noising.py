import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentman.train.mini.networks import (
    new_scheduler,
)
from latentman.train.mini.noising import add_noise, alphas_cumprod, min_snr_weight


def test_the_noise_equals_the_schedulers() -> None:
    abar = alphas_cumprod("cpu")
    torch.testing.assert_close(abar, new_scheduler().alphas_cumprod, rtol=1e-5, atol=1e-7)
    latents, noise = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor([0, 500, 999])
    ours = add_noise(latents, noise, abar[levels])
    torch.testing.assert_close(ours, new_scheduler().add_noise(latents, noise, levels), rtol=1e-5, atol=1e-5)


@given(gamma=st.floats(0.5, 20), level=st.integers(0, 999))
def test_noise_levels_weigh_at_most_one_and_high_noise_weighs_one(gamma: float, level: int) -> None:
    abar = alphas_cumprod("cpu")[level : level + 1]
    weight = min_snr_weight(abar, gamma).item()
    ratio = (abar / (1 - abar)).item()
    assert weight == pytest.approx(min(1.0, gamma / ratio), rel=1e-4)
