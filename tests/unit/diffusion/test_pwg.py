"""Eq. 7 and 8: the frame-by-frame gradient against a batched one, and against finite differences."""

import math

import pytest
import torch

from latentman.diffusion.decode import decode
from latentman.diffusion.pwg import bilinear, guidance_loss, matched_target, pixel_wise_guidance
from latentman.errors import ShapeError
from tests.factories.maps import with_positions
from tests.factories.tiny_model import FRAMES, GRID, IMAGE, random_map


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


def test_the_sum_is_the_mean_times_its_count_without_the_scale():
    picture, painted, weight = torch.rand(3, 8, 8), torch.rand(3, 8, 8), (torch.rand(8, 8) < 0.5).float()
    mean, total = (float(guidance_loss(picture, painted, weight, loss)) for loss in ("mean", "sum"))
    assert total == pytest.approx(mean * 3 * float(weight.sum()) / 25**2, rel=1e-5)
    slow = sum(float(weight[r, c] * (picture[k, r, c] - painted[k, r, c]) ** 2)
               for k in range(3) for r in range(8) for c in range(8))  # fmt: skip
    assert total == pytest.approx(slow, rel=1e-5)


def test_grid_that_does_not_divide_the_picture_is_refused(backbone):
    with pytest.raises(ShapeError, match="64x64 cannot be sampled on a 48x48"):
        pixel_wise_guidance(torch.randn(FRAMES, 4, GRID, GRID), random_map(48), lambda x: decode(backbone, x))


def slow_bilinear(picture, row, col):
    """One colour, corner by corner."""
    last = picture.shape[-1] - 1
    row, col = min(max(row, 0.0), last), min(max(col, 0.0), last)
    total = 0.0
    for r in (math.floor(row), math.floor(row) + 1):
        for c in (math.floor(col), math.floor(col) + 1):
            weight = max(0.0, 1 - abs(row - r)) * max(0.0, 1 - abs(col - c))
            total = total + weight * picture[:, min(r, last), min(c, last)]
    return total


def test_bilinear_colours_are_those_of_a_loop_over_corners():
    picture = torch.rand(3, 9, 9, dtype=torch.float64)
    position = torch.rand(200, 2, dtype=torch.float64) * 10 - 1
    position[:4] = torch.tensor([[0.0, 0.0], [8.0, 8.0], [3.0, 5.5], [-0.4, 8.4]])
    expected = torch.stack([slow_bilinear(picture, *p) for p in position.tolist()], dim=1)
    assert torch.allclose(bilinear(picture, position), expected, atol=1e-12)


@pytest.mark.parametrize("reference", ["prev", "first"])
@pytest.mark.parametrize("size", [IMAGE, IMAGE // 2])
def test_sub_pixel_sources_are_read_from_the_full_picture(backbone, reference, size):
    x0, step = torch.randn(FRAMES, 4, GRID, GRID), IMAGE // size
    matches = with_positions(random_map(size, reference=reference), 0.5)
    gradient = pixel_wise_guidance(x0, matches, lambda x: decode(backbone, x))
    leaf = x0.clone().requires_grad_()
    pictures, total = decode(backbone, leaf), 0.0
    for i, (target, _) in enumerate(matches.pairs):
        if len(target):
            theirs = pictures[matches.source_frame(i)].detach()
            colours = [slow_bilinear(theirs, *p) for p in (matches.positions[i] * step).tolist()]
            mine = pictures[i][:, target[:, 0] * step, target[:, 1] * step]
            total = total + (((mine - torch.stack(colours, dim=1)) * 25) ** 2).mean()
    (expected,) = torch.autograd.grad(total, leaf)
    assert torch.allclose(gradient, expected, atol=1e-5 * float(expected.abs().max()))


def test_positions_on_the_samples_guide_as_whole_pixels_do(backbone):
    x0, matches = torch.randn(FRAMES, 4, GRID, GRID), random_map(IMAGE // 2)
    whole, exact = (
        pixel_wise_guidance(x0, m, lambda x: decode(backbone, x)) for m in (matches, with_positions(matches, 0.0))
    )
    assert torch.equal(whole, exact)
