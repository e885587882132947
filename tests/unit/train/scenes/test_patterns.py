"""Patterns and the noise behind them."""

from __future__ import annotations

import pytest
import torch

from latentman.train.scenes.noise import FLAT_PERIOD, PERIOD, Noise
from latentman.train.scenes.patterns import PATTERNS

POINTS = torch.rand((4000, 3), generator=torch.Generator().manual_seed(0)) * 8


@pytest.mark.parametrize("name", [n for n in PATTERNS if n != "bones"])
def test_a_pattern_is_between_0_and_1_and_contains_both(name: str, noise: Noise) -> None:
    share = PATTERNS[name](POINTS, 0.5 if name in ("blotches", "veins") else 0.3, noise)
    assert share.shape == (4000,)
    assert float(share.min()) >= 0
    assert float(share.max()) <= 1
    assert 0.03 < float(share.mean()) < 0.8


@pytest.mark.parametrize("name", [n for n in PATTERNS if n != "bones"])
def test_another_offset_gives_another_pattern(name: str, noise: Noise) -> None:
    first, second = (PATTERNS[name](POINTS + offset, 0.5, noise) for offset in (0.0, torch.tensor([0.3, 0.9, 0.4])))
    assert not torch.allclose(first, second)
    assert torch.equal(first, PATTERNS[name](POINTS, 0.5, noise))


def test_bones_are_symmetric(noise: Noise) -> None:
    points = (POINTS - 4) * torch.tensor([0.1, 0.4, 0.1])
    share = PATTERNS["bones"](points, 0.024, noise)
    assert torch.equal(share, PATTERNS["bones"](points * torch.tensor([-1.0, 1.0, 1.0]), 0.024, noise))
    assert float(share.max()) == 1.0


def test_noise_is_reproducible_and_periodic(noise: Noise) -> None:
    again = Noise.make("cpu")
    assert torch.equal(noise.solid(POINTS), again.solid(POINTS))
    torch.testing.assert_close(noise.solid(POINTS), noise.solid(POINTS + PERIOD), atol=1e-4, rtol=0)
    torch.testing.assert_close(noise.flat(POINTS[:, :2]), noise.flat(POINTS[:, :2] - FLAT_PERIOD), atol=1e-4, rtol=0)


def test_noise_is_smooth(noise: Noise) -> None:
    step = (noise.solid(POINTS + 1e-3) - noise.solid(POINTS)).abs().max()
    assert float(step) < 0.01
