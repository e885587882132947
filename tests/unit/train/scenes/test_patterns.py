"""Patterns and the noise behind them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

from latentman.train.scenes.noise import FLAT_PERIOD, PERIOD, Noise
from latentman.train.scenes.patterns import PATTERNS

POINTS = torch.rand((4000, 3), generator=torch.Generator().manual_seed(0)) * 8
NORMALS = functional.normalize(torch.randn((4000, 3), generator=torch.Generator().manual_seed(1)), dim=-1)
AMOUNTS = {"blotches": 0.5, "cracks": 0.06}


@pytest.mark.parametrize("name", [n for n in PATTERNS if n != "bones"])
def test_a_pattern_is_between_0_and_1_and_contains_both(name: str, noise: Noise) -> None:
    share = PATTERNS[name](POINTS, NORMALS, AMOUNTS.get(name, 0.3), noise)
    assert share.shape == (4000,)
    assert float(share.min()) >= 0
    assert float(share.max()) <= 1
    assert 0.03 < float(share.mean()) < 0.8


@pytest.mark.parametrize("name", [n for n in PATTERNS if n != "bones"])
def test_another_offset_gives_another_pattern(name: str, noise: Noise) -> None:
    amount = AMOUNTS.get(name, 0.3)
    first, second = (
        PATTERNS[name](POINTS + offset, NORMALS, amount, noise) for offset in (0.0, torch.tensor([0.3, 0.9, 0.4]))
    )
    assert not torch.allclose(first, second)
    assert torch.equal(first, PATTERNS[name](POINTS, NORMALS, amount, noise))


def test_bones_are_symmetric(noise: Noise) -> None:
    points = (POINTS - 4) * torch.tensor([0.1, 0.4, 0.1])
    share = PATTERNS["bones"](points, NORMALS, 0.024, noise)
    assert torch.equal(share, PATTERNS["bones"](points * torch.tensor([-1.0, 1.0, 1.0]), NORMALS, 0.024, noise))
    assert float(share.max()) == 1.0


def test_noise_is_reproducible_and_periodic(noise: Noise) -> None:
    again = Noise.make("cpu")
    assert torch.equal(noise.solid(POINTS), again.solid(POINTS))
    torch.testing.assert_close(noise.solid(POINTS), noise.solid(POINTS + PERIOD), atol=1e-4, rtol=0)
    torch.testing.assert_close(noise.flat(POINTS[:, :2]), noise.flat(POINTS[:, :2] - FLAT_PERIOD), atol=1e-4, rtol=0)


def test_noise_is_smooth(noise: Noise) -> None:
    step = (noise.solid(POINTS + 1e-3) - noise.solid(POINTS)).abs().max()
    assert float(step) < 0.01


def plane(tilt: float, across: float = 4.0, step: float = 0.02) -> tuple[Tensor, Tensor]:
    """Return the points (K, 3) of a square grid on a plane, tilted against the floor in radians, and its normals."""
    line = torch.arange(0, across, step)
    u, v = torch.meshgrid(line, line, indexing="ij")
    cos, sin = math.cos(tilt), math.sin(tilt)
    # At its lower edge it lies inside a seam, whose height is 0 to the width.
    points = torch.stack([u + 0.37, v * sin + 0.05, v * cos + 0.37], -1).reshape(-1, 3)
    return points, torch.tensor([0.0, cos, -sin]).expand_as(points)


@pytest.mark.parametrize("tilt", [0.0, 0.1, 0.6])
def test_seams_between_plates_keep_their_width_on_every_side(noise: Noise, tilt: float) -> None:
    """On a plane nearly parallel to a seam, the seam would be as wide as the plane."""
    points, normals = plane(tilt)
    share = PATTERNS["plates"](points, normals, 0.12, noise)
    assert 0.1 < float(share.mean()) < 0.35


@pytest.mark.parametrize("tilt", [0.0, 0.5, 1.2])
def test_cracks_are_thin_lines_of_one_width_that_divide_all_of_the_surface(noise: Noise, tilt: float) -> None:
    points, normals = plane(tilt)
    side = round(len(points) ** 0.5)
    cracked = (PATTERNS["cracks"](points, normals, 0.06, noise) > 0.5).reshape(side, side)
    # Nowhere is a crack farther away than the size of a stone, in grid steps of 0.02 cells.
    assert distance_transform_edt(~cracked.numpy()).max() < 1.5 / 0.02
    # Half a crack's width, except where cracks meet.
    inner = distance_transform_edt(cracked.numpy())
    assert np.percentile(inner[inner > 0], 95) < 1.6 * 0.06 / 0.02


def test_cracks_continue_from_cell_to_cell(noise: Noise) -> None:
    """The nearest stone is found in the neighbouring cubes, so nothing changes suddenly at their borders."""
    across = torch.tensor([[k + 0.0, y, 0.3] for k in range(1, 8) for y in torch.linspace(0, 8, 200).tolist()])
    normals = torch.tensor([0.0, 0.0, 1.0]).expand_as(across)
    before, after = (PATTERNS["cracks"](across + step, normals, 0.06, noise) for step in (-1e-4, 1e-4))
    assert float((before - after).abs().max()) < 0.02
