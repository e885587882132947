"""The window of a frame holds all that guidance reads, and decoding it alone changes nothing beyond its margin."""

import pytest
import torch

from latentman.diffusion.decode import decoding
from latentman.diffusion.figure_window import Window, decoded_in, figure_windows
from latentman.diffusion.pwg import GuidancePlan, guidance_windows, pixel_wise_guidance
from latentman.types import Correspondence, source_frame
from tests.factories.maps import with_positions
from tests.factories.tiny_model import FRAMES, GRID, random_map


def corner_map(size: int, reference: str = "prev") -> Correspondence:
    """A random map whose pixels are in the upper left quarter."""
    found = random_map(size, reference=reference)
    pairs = tuple((target // 2, source // 2) for target, source in found.pairs)
    return Correspondence(pairs, size, reference, found.cost, found.parts_skipped)


def smooth_decoder(x: torch.Tensor) -> torch.Tensor:
    """Pictures of 2 pixels a cell, by one convolution over 3 x 3 cells."""
    torch.manual_seed(1)
    weight = 0.05 * torch.randn(3, 4, 3, 3)
    cells = torch.tanh(torch.nn.functional.conv2d(x, weight, padding=1)) / 2 + 0.5
    return cells.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.mark.parametrize("reference", ["prev", "first"])
@pytest.mark.parametrize("size", [8, 16, 32])
def test_a_window_holds_every_pixel_that_is_read(size, reference):
    found = corner_map(size, reference)
    windows = figure_windows(found, 16, margin=1)
    for index, (target, source) in enumerate(found.pairs):
        for frame, pixels in ((index, target), (source_frame(reference, index), source)):
            for row, col in pixels.tolist() if len(pixels) else []:
                window, (down, right) = windows[frame], (int(row * 16 / size), int(col * 16 / size))
                assert window.top <= max(down - 1, 0)
                assert min(down + 2, 16) <= window.bottom
                assert window.left <= max(right - 1, 0)
                assert min(right + 2, 16) <= window.right
    assert all(window.bottom <= 10 for window in windows)


def test_a_frame_without_matches_is_decoded_whole():
    found = corner_map(16)
    none = found.pairs[0]
    lone = Correspondence((none, none, none, none), 16, "prev", found.cost, found.parts_skipped)
    assert figure_windows(lone, 8, margin=1) == (None, None, None, None)


def test_outside_of_its_window_a_picture_is_zero():
    x = torch.randn(1, 4, 8, 8)
    part = decoded_in(Window(2, 5, 1, 8), smooth_decoder, x)
    assert part.shape == (3, 16, 16)
    assert torch.allclose(part[:, 6:8, 4:14], smooth_decoder(x)[0, :, 6:8, 4:14])
    assert part[:, :4].abs().max() == part[:, 10:].abs().max() == part[:, :, :2].abs().max() == 0


@pytest.mark.parametrize("sub_pixel", [False, True])
def test_a_margin_as_wide_as_the_decoder_sees_changes_no_gradient(sub_pixel):
    found = corner_map(32)
    if sub_pixel:
        found = with_positions(found, 0.4)
    x0 = torch.randn(FRAMES, 4, 16, 16)
    windows = figure_windows(found, 16, margin=2)
    whole = pixel_wise_guidance(x0, found, smooth_decoder)
    assert torch.allclose(pixel_wise_guidance(x0, found, smooth_decoder, windows=windows), whole, atol=1e-6)
    assert whole.abs().max() > 0


def test_the_vae_decodes_frame_0_whole_and_a_tiny_decoder_its_window():
    found = corner_map(16)
    full, tiny = (
        guidance_windows(GuidancePlan(range(3), decoder=decoder, region="figure", margin=1), found, GRID)
        for decoder in ("full", "tiny")
    )
    assert full[0] is None
    assert full[1:] == tiny[1:]
    assert isinstance(tiny[0], Window)
    assert guidance_windows(GuidancePlan(range(3)), found, GRID) is None


def test_windows_take_the_group_statistics_of_frame_0(backbone):
    """Where all frames are alike, the window is the whole picture's part, though its own statistics are others."""
    x0 = torch.randn(1, 4, GRID, GRID)
    window = Window(0, GRID, 0, GRID - 1)

    def work(decode):
        return decode(x0)[0], decoded_in(window, decode, x0)

    with torch.no_grad():
        whole, part = decoding(backbone.vae, work, x0, first_is_whole=True)
        _, apart = decoding(backbone.vae, work, x0)
    columns = slice(0, 8)
    assert (part - whole)[..., columns].abs().mean() < (apart - whole)[..., columns].abs().mean()
