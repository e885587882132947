"""Eq. 6 against a loop over pixels."""

import numpy as np
import pytest
import torch

from latentman.diffusion.sla import spatial_latent_alignment
from latentman.errors import ShapeError
from latentman.types import Correspondence
from tests.factories.tiny_model import FRAMES, random_map


def literal(latents, correspondence):
    out = latents.clone()
    for i, (target, source) in enumerate(correspondence.pairs):
        for (qr, qc), (sr, sc) in zip(target, source, strict=True):
            out[i, :, qr, qc] = out[correspondence.source_frame(i), :, sr, sc]
    return out


@pytest.mark.parametrize("reference", ["prev", "prev_new", "first"])
def test_alignment_equals_the_loop_over_pixels(reference):
    latents = torch.randn(FRAMES, 4, 8, 8)
    matches = random_map(8, reference=reference)
    assert torch.equal(spatial_latent_alignment(latents, matches), literal(latents, matches))


def test_frame_0_and_unmatched_cells_are_left_alone_and_so_is_the_input():
    latents = torch.randn(FRAMES, 4, 8, 8)
    kept, matches = latents.clone(), random_map(8)
    aligned = spatial_latent_alignment(latents, matches)
    assert torch.equal(latents, kept)
    assert torch.equal(aligned[0], latents[0])
    for i, (target, _) in enumerate(matches.pairs):
        untouched = np.ones((8, 8), bool)
        untouched[target[:, 0], target[:, 1]] = False
        assert torch.equal(aligned[i][:, untouched], latents[i][:, untouched])
        assert not torch.equal(aligned[i], latents[i]) or i == 0


def test_the_identity_map_carries_frame_0_through_all_frames():
    cells = np.argwhere(np.ones((8, 8))).astype(np.int32)
    none = np.zeros((0, 2), np.int32)
    identity = Correspondence(((none, none), *[(cells, cells)] * 3), 8, "prev", np.zeros(4), np.zeros(4, np.int64))
    latents = torch.randn(4, 4, 8, 8)
    assert torch.equal(spatial_latent_alignment(latents, identity), latents[:1].expand(4, -1, -1, -1))


def test_wrong_grid_is_refused_with_both_sizes():
    with pytest.raises(ShapeError, match=r"16x16.*8x8"):
        spatial_latent_alignment(torch.zeros(FRAMES, 4, 16, 16), random_map(8))


@pytest.mark.parametrize("blend", [0.25, 0.75])
def test_a_blend_keeps_a_share_of_the_frames_own_latents(blend):
    latents, matches = torch.randn(FRAMES, 4, 8, 8), random_map(8)
    expected = latents.clone()
    for i, (target, source) in enumerate(matches.pairs):
        for (qr, qc), (sr, sc) in zip(target, source, strict=True):
            reference = expected[matches.source_frame(i), :, sr, sc]
            expected[i, :, qr, qc] = (1 - blend) * expected[i, :, qr, qc] + blend * reference
    assert torch.allclose(spatial_latent_alignment(latents, matches, blend), expected, atol=1e-6)
