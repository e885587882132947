"""A background that stands still: exactly frame 0's latents, away from both figures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentman.diffusion.background import figures_on_grid, keep_background, shared_background
from latentman.diffusion.denoise import denoise
from latentman.errors import ShapeError
from tests.factories.tiny_model import FRAMES, GRID, STEPS, moving_box


def test_a_cell_is_the_figures_when_any_of_its_pixels_is():
    mask = np.zeros((1, 8, 8), bool)
    mask[0, 3, 4] = True
    assert figures_on_grid(mask, 2).tolist() == [[[False, True], [False, False]]]


def test_background_is_what_no_figure_of_the_pair_comes_near():
    figures = moving_box(FRAMES)
    background = shared_background(figures, margin=1)
    assert not background[0].any()
    for i in range(1, FRAMES):
        for r in range(GRID):
            for c in range(GRID):
                near = (slice(max(0, r - 1), r + 2), slice(max(0, c - 1), c + 2))
                assert bool(background[i, r, c]) == (not figures[i][near].any() and not figures[0][near].any())


def test_kept_cells_are_frame_0s_and_the_others_their_own():
    latents, background = torch.randn(FRAMES, 4, GRID, GRID), shared_background(moving_box(FRAMES))
    kept = keep_background(latents, background)
    for i in range(FRAMES):
        assert torch.equal(kept[i][:, background[i]], latents[0][:, background[i]])
        assert torch.equal(kept[i][:, ~background[i]], latents[i][:, ~background[i]])


def test_a_steady_background_leaves_frame_0_as_it_is(backbone, frames, plan):
    steady = replace(plan, background_steps=range(STEPS - 1))
    ours, free = denoise(backbone, frames, steady), denoise(backbone, frames, plan)
    assert torch.equal(ours[0], free[0])
    background = shared_background(frames.figures)
    change = [(x[1:] - x[:1]).permute(0, 2, 3, 1)[background[1:]].abs().mean() for x in (ours, free)]
    assert change[0] < 0.5 * change[1]


def test_masks_that_do_not_fit_the_grid_are_refused():
    with pytest.raises(ShapeError, match="masks of 8x8 cannot be brought to a 3x3 grid"):
        figures_on_grid(np.zeros((1, 8, 8), bool), 3)
