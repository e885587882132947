"""Initial noise: shared, independent, or on the body's surface; always standard normal."""

import numpy as np
import pytest
import torch

from latentman.diffusion.noise import initial_noise, surface_texels
from latentman.diffusion.schedule import seeded_noise
from latentman.errors import ShapeError

SHAPE = (3, 4, 16, 16)


def walking_maps(step=1):
    """Charts of one part that move ``step`` cells of 4 pixels to the right in every frame."""
    iuv = np.zeros((3, 64, 64, 3), np.uint8)
    rows, cols = np.mgrid[0:32, 0:32]
    for i in range(3):
        left = 8 + 4 * step * i
        iuv[i, 16:48, left : left + 32] = np.stack([np.full_like(rows, 2), rows * 8, cols * 8], axis=-1)
    return iuv


def test_shared_noise_is_the_plain_generator_of_the_seed_for_every_frame():
    noise = initial_noise("shared", SHAPE, 5)
    expected = torch.randn(1, *SHAPE[1:], generator=torch.Generator().manual_seed(5))
    assert all(torch.equal(frame, expected[0]) for frame in noise)


def test_independent_noise_differs_between_frames_and_begins_as_shared_noise_does():
    noise = initial_noise("independent", (3, 4, 64, 64), 5)
    assert torch.equal(noise[0], initial_noise("shared", (3, 4, 64, 64), 5)[0])
    assert torch.equal(noise, initial_noise("independent", (3, 4, 64, 64), 5))
    correlation = torch.corrcoef(noise.flatten(1))
    assert (correlation - torch.eye(3)).abs().max() < 0.05


def test_noise_on_the_surface_goes_where_the_surface_goes():
    noise = initial_noise("uv", SHAPE, 5, iuv=walking_maps(), texels=8)
    shared = seeded_noise((1, *SHAPE[1:]), 5, stream=0)[0]
    for i in range(3):
        figure = torch.zeros(16, 16, dtype=torch.bool)
        figure[4:12, 2 + i : 10 + i] = True
        assert torch.equal(noise[i][:, ~figure], shared[:, ~figure])
        assert torch.equal(noise[i][:, 4:12, 2 + i : 10 + i], noise[0][:, 4:12, 2:10])
    assert not torch.allclose(noise[0][:, 4:12, 2:10], shared[:, 4:12, 2:10], atol=0.1)


def test_every_texel_has_noise_of_its_own_and_of_unit_variance():
    noise = initial_noise("uv", (1, 4, 64, 64), 1, iuv=np.repeat(np.repeat(walking_maps(0)[:1], 4, 1), 4, 2), texels=32)
    figure = noise[0][:, 16:48, 8:40]
    assert len(set(figure.flatten().tolist())) == figure.numel()
    assert abs(float(figure.std()) - 1) < 0.05


def test_a_texel_is_the_part_and_chart_cell_of_the_cells_middle():
    iuv = np.zeros((1, 8, 8, 3), np.uint8)
    iuv[0, 2, 6] = (7, 255, 128)
    part, texel = surface_texels(iuv, (2, 2), 4)
    assert part.tolist() == [[[0, 7], [0, 0]]]
    assert texel[0, 0, 1] == 3 * 4 + 2


def test_parts_beyond_24_are_other_characters_and_have_noise_of_their_own():
    iuv = walking_maps(0)
    other = np.where(iuv[..., :1] > 0, iuv + np.array([24, 0, 0], np.uint8), iuv).astype(np.uint8)
    first, second = (initial_noise("uv", SHAPE, 5, iuv=x, texels=8) for x in (iuv, other))
    assert not torch.allclose(first[0][:, 4:12, 2:10], second[0][:, 4:12, 2:10], atol=0.1)


def test_a_grid_that_does_not_divide_the_maps_is_refused():
    with pytest.raises(ShapeError, match="noise=uv: maps of 64x64 cannot be sampled on a 24x24 grid"):
        initial_noise("uv", (3, 4, 24, 24), 5, iuv=walking_maps())
