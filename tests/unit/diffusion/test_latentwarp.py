"""LatentWarp against a loop over cells."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentman.diffusion.latentwarp import LatentWarp, warped_latents
from latentman.diffusion.sla import spatial_latent_alignment
from latentman.errors import ShapeError
from tests.factories.tiny_model import FRAMES, GRID, moving_box, random_map


def sub_pixel(size, reference="prev"):
    """A random map whose sources are exact positions near their cells, some beyond the picture's outer samples."""
    matches, rng = random_map(size, reference=reference), np.random.default_rng(5)
    positions = tuple((source + rng.uniform(-0.5, 0.5, source.shape)).astype(np.float32) for _, source in matches.pairs)
    return replace(matches, positions=positions)


def read(frame, row, col):
    """The bilinear mean of four cells of (C, h, w)."""
    limit = frame.shape[-1] - 1
    row, col = min(max(row, 0), limit), min(max(col, 0), limit)
    up, left = min(int(row), limit - 1), min(int(col), limit - 1)
    down, right = row - up, col - left
    top = frame[:, up, left] * (1 - right) + frame[:, up, left + 1] * right
    return top * (1 - down) + (frame[:, up + 1, left] * (1 - right) + frame[:, up + 1, left + 1] * right) * down


def literal(latents, matches, figures, settings):
    out, size = latents.clone(), matches.size
    for i in range(1, len(latents)):
        before = out[matches.source_frame(i)]
        for row, col in np.ndindex(size, size):
            near = np.s_[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2]
            covered = figures[i][near].any() or figures[matches.source_frame(i)][near].any()
            if settings.background and not covered:
                out[i, :, row, col] = before[:, row, col]
        target, source = matches.pairs[i]
        place = matches.positions[i] if settings.interpolation == "bilinear" else source
        for (row, col), position in zip(target, place, strict=True):
            out[i, :, row, col] = read(before, *(float(x) for x in position))
    return out


@pytest.mark.parametrize("reference", ["prev", "first"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("background", [False, True])
def test_warping_equals_the_loop_over_cells(reference, interpolation, background):
    latents, matches = torch.randn(FRAMES, 4, GRID, GRID), sub_pixel(GRID, reference)
    settings, before = LatentWarp(range(1), background, interpolation), latents.clone()
    ours = warped_latents(latents, matches, moving_box(FRAMES), settings)
    assert torch.allclose(ours, literal(latents, matches, moving_box(FRAMES), settings), atol=1e-5)
    assert torch.equal(latents, before)
    assert torch.equal(ours[0], latents[0])


def test_without_the_background_nearest_is_equation_6():
    latents, matches = torch.randn(FRAMES, 4, GRID, GRID), random_map(GRID)
    ours = warped_latents(latents, matches, None, LatentWarp(range(1)))
    assert torch.equal(ours, spatial_latent_alignment(latents, matches))


def test_wrong_grid_is_refused_with_both_sizes():
    with pytest.raises(ShapeError, match=r"latentwarp: .*16x16.*8x8"):
        warped_latents(torch.zeros(FRAMES, 4, 16, 16), random_map(8), None, LatentWarp(range(1)))
