"""Eq. 7 and 8: the frame-by-frame gradient against a batched one, and against finite differences."""

import pytest
import torch

from latentman.diffusion.denoise import decode
from latentman.diffusion.pwg import guidance_loss, matched_target, pixel_wise_guidance, step_size
from latentman.errors import ShapeError

from .conftest import FRAMES, GRID, IMAGE, random_map


def batched_loss(pictures, matches):
    """All frames in one graph, by gathering pixels: the mean over 3 |M| of (25 d)^2, the reference detached."""
    total = 0.0
    for i, (target, source) in enumerate(matches.pairs):
        if len(target):
            mine = pictures[i][:, target[:, 0], target[:, 1]] * 25
            theirs = pictures[matches.source_frame(i)].detach()[:, source[:, 0], source[:, 1]] * 25
            total = total + ((mine - theirs) ** 2).mean()
    return total


@pytest.mark.parametrize("reference", ["prev", "prev_new", "first"])
@pytest.mark.parametrize("size", [IMAGE, IMAGE // 2])
def test_frame_by_frame_equals_batched(backbone, reference, size):
    x0 = torch.randn(FRAMES, 4, GRID, GRID)
    matches = random_map(size, reference=reference)
    gradient = pixel_wise_guidance(x0, matches, lambda x: decode(backbone, x))
    leaf = x0.clone().requires_grad_()
    step = IMAGE // size
    pictures = decode(backbone, leaf)[:, :, ::step, ::step]
    (batched,) = torch.autograd.grad(batched_loss(pictures, matches), leaf)
    assert torch.allclose(gradient, batched, atol=1e-5 * float(batched.abs().max()))
    assert batched.abs().max() > 0


def test_frame_0_is_never_guided(backbone):
    gradient = pixel_wise_guidance(torch.randn(FRAMES, 4, GRID, GRID), random_map(IMAGE), lambda x: decode(backbone, x))
    assert gradient[0].abs().max() == 0
    assert all(gradient[i].abs().max() > 0 for i in range(1, FRAMES))


def test_gradient_matches_finite_differences():
    torch.manual_seed(0)
    mix = torch.randn(3, 4, dtype=torch.float64) * 0.1

    def linear(x):  # a decoder whose pictures stay inside (0, 1), so that the clamp does not bite
        return torch.einsum("cd,ndhw->nchw", mix, x.double()) * 0.1 + 0.5

    x0, matches = torch.randn(2, 4, 8, 8, dtype=torch.float64), random_map(8, frames=2)
    gradient = pixel_wise_guidance(x0, matches, linear)
    reference, probe, epsilon = linear(x0)[0].detach(), torch.randn_like(x0[1]), 1e-4
    painted, weight = matched_target(reference, *(torch.from_numpy(x).long() for x in matches.pairs[1]))
    up, down = (guidance_loss(linear(x0[1:] + s * epsilon * probe)[0], painted, weight) for s in (1, -1))
    numeric = (up - down) / (2 * epsilon)
    assert float((gradient[1] * probe).sum()) == pytest.approx(float(numeric), rel=1e-3)


def test_a_step_against_the_gradient_lowers_the_loss(backbone):
    x0, matches = torch.randn(FRAMES, 4, GRID, GRID), random_map(IMAGE)
    gradient = pixel_wise_guidance(x0, matches, lambda x: decode(backbone, x))
    with torch.no_grad():
        before, after = (batched_loss(decode(backbone, x), matches) for x in (x0, x0 - 0.01 * gradient))
    assert after < before


def test_frames_without_matches_get_no_gradient(backbone):
    matches = random_map(IMAGE)
    none = matches.pairs[0]
    lone = type(matches)((none, none, matches.pairs[2], none), IMAGE, "prev", matches.cost, matches.parts_skipped)
    gradient = pixel_wise_guidance(torch.randn(FRAMES, 4, GRID, GRID), lone, lambda x: decode(backbone, x))
    assert [bool(g.abs().max() > 0) for g in gradient] == [False, False, True, False]


def test_step_size_is_delta_strength_sqrt_of_the_noise_to_signal_ratio():
    assert step_size(0.01, 8.0, 0.2) == pytest.approx(0.01 * 8 * (0.8**0.5) / (0.2**0.5))


def test_grid_that_does_not_divide_the_picture_is_refused(backbone):
    with pytest.raises(ShapeError, match="64x64 cannot be sampled on a 48x48"):
        pixel_wise_guidance(torch.randn(FRAMES, 4, GRID, GRID), random_map(48), lambda x: decode(backbone, x))
