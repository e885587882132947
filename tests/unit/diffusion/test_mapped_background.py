"""A background that follows the scene's map: latents, noise and guidance, cell by cell."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentman.correspondence.background import map_background
from latentman.diffusion.denoise import denoise
from latentman.diffusion.mapped_background import (
    carried_noise,
    follow_background,
    guiding_background,
    placed_background,
)
from latentman.diffusion.pwg import pixel_wise_guidance
from latentman.errors import ShapeError
from tests.factories.scenes import SIDE, clip_in
from tests.factories.tiny_model import FRAMES, GRID, IMAGE, STEPS, random_map

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def conditions():
    return clip_in("room", orbit=25.0, side=64)


@pytest.fixture(scope="module")
def background(conditions):
    return map_background(conditions, size=SIDE)


def matches(background):
    """Every match as (frame, target, source frame, source), in the order in which frames are made."""
    for i in range(len(background)):
        for k in range(len(background.target[i])):
            yield i, tuple(background.target[i][k]), int(background.frame[i][k]), tuple(background.source(i)[k])


def test_following_equals_the_loop_over_cells(background):
    latents = torch.randn(FRAMES, 4, SIDE, SIDE)
    expected = latents.clone()
    for i, (row, col), frame, (s_row, s_col) in matches(background):
        expected[i, :, row, col] = expected[frame, :, s_row, s_col]
    followed = follow_background(latents, placed_background(background, CPU))
    assert torch.equal(followed, expected)
    assert torch.equal(followed[0], latents[0])
    assert not torch.equal(followed[1], latents[1])


def test_what_no_earlier_frame_shows_and_the_figures_keep_their_own_latents(background):
    latents = torch.randn(FRAMES, 4, SIDE, SIDE)
    changed = (follow_background(latents, placed_background(background, CPU)) != latents).any(1)
    for i in range(FRAMES):
        targets = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        targets[tuple(torch.from_numpy(background.target[i].T.astype(int)))] = True
        assert not (changed[i] & ~targets).any()


def test_carried_noise_is_the_same_at_the_same_point_and_new_where_nothing_was_seen(background):
    noise = torch.randn(1, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(1)).repeat(FRAMES, 1, 1, 1)
    carried = carried_noise(noise, background, seed=5)
    assert torch.equal(carried[0], noise[0])
    for i in range(1, FRAMES):
        same = [
            torch.equal(carried[i][:, *target], carried[frame][:, *source])
            for target, frame, source in zip(
                background.target[i].tolist(), background.frame[i].tolist(), background.source(i).tolist(), strict=True
            )
        ]
        sources = np.column_stack([background.frame[i], background.source(i)])
        assert 0.9 * len(np.unique(sources, axis=0)) < sum(same) <= len(np.unique(sources, axis=0))
        row, col = background.unseen[i].T
        assert not (carried[i][:, row, col] == noise[i][:, row, col]).any()
    assert torch.equal(carried, carried_noise(noise, background, seed=5))
    assert not torch.equal(carried, carried_noise(noise, background, seed=6))


def test_carried_noise_stays_standard_normal_and_takes_no_value_twice_within_a_background(background):
    noise = torch.randn(1, 64, SIDE, SIDE, generator=torch.Generator().manual_seed(2)).repeat(FRAMES, 1, 1, 1)
    carried = carried_noise(noise, background, seed=5)
    for i in range(FRAMES):
        everywhere = np.argwhere(np.ones((SIDE, SIDE)))
        cells = np.concatenate([background.target[i], background.unseen[i]]) if i else everywhere
        values = carried[i][:, cells[:, 0], cells[:, 1]]
        assert values.mean().abs() < 0.01
        assert values.std() == pytest.approx(1.0, abs=0.01)
        assert len(values[0].unique()) == len(values[0])
        across = (carried[i][:, :, 1:] * carried[i][:, :, :-1]).mean()
        assert across.abs() < 0.01


def test_frame_0_is_the_same_with_a_mapped_background_and_the_others_follow_it(backbone, frames, plan):
    clip = clip_in("room", orbit=10.0, side=IMAGE)
    mapped = replace(frames, background=map_background(clip, size=GRID))
    followed = denoise(backbone, mapped, replace(plan, background_steps=range(STEPS)))
    free = denoise(backbone, frames, plan)
    assert torch.equal(followed[0], free[0])

    def apart(latents):
        cells = [(latents[i][:, *t] - latents[f][:, *s]).abs().mean() for i, t, f, s in matches(mapped.background)]
        return float(torch.stack(cells).mean())

    assert apart(followed) < 0.5 * apart(free)


def test_the_backgrounds_loss_is_added_and_leaves_the_figures_gradient_as_it_is(conditions):
    guide = guiding_background(map_background(conditions, size=32, sources="previous"), CPU)
    figure = replace(random_map(32, frames=FRAMES), reference="prev")
    none = replace(figure, pairs=tuple((t[:0], s[:0]) for t, s in figure.pairs))
    x0 = torch.rand(FRAMES, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    losses = []

    def gradient(pairs, background):
        return pixel_wise_guidance(x0, pairs, lambda x: x.clamp(0, 1), background=background, on_loss=losses.append)

    both, alone, behind = gradient(figure, guide), gradient(figure, None), gradient(none, guide)
    torch.testing.assert_close(both, alone + behind)
    torch.testing.assert_close(losses[0][1:], losses[1][1:] + losses[2][1:])
    assert behind[1:].abs().sum() > 0
    assert torch.equal(both[0], torch.zeros_like(both[0]))


def test_a_map_of_another_grid_is_refused(background):
    with pytest.raises(ShapeError, match="mapped background: latents of 4 frames at 8x8 do not fit a map of 4"):
        follow_background(torch.zeros(4, 4, 8, 8), placed_background(background, CPU))
