"""Latents become pictures, one frame at a time."""

import pytest
import torch

from latentman.diffusion.decode import decode, decode_frames
from latentman.errors import NumericsError
from tests.factories.tiny_model import GRID, IMAGE


def test_frames_decode_to_rounded_pictures_one_by_one(backbone):
    latents, seen = torch.randn(2, 4, GRID, GRID), []
    frames = decode_frames(backbone, latents, lambda: seen.append(1))
    with torch.no_grad():
        expected = (decode(backbone, latents) * 255).round().byte().permute(0, 2, 3, 1)
    assert frames.shape == (2, IMAGE, IMAGE, 3)
    assert (frames.int() - expected.int()).abs().max() <= 1  # batched and single convolutions may round apart
    assert len(seen) == 2


def test_latents_that_do_not_decode_are_an_error(backbone):
    with pytest.raises(NumericsError, match="frame 1 decodes"):
        decode_frames(backbone, torch.stack([torch.zeros(4, GRID, GRID), torch.full((4, GRID, GRID), float("inf"))]))
