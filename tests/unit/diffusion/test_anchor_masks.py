"""Rendered masks on the grid of an attention layer, as MasaCtrl's own code reduces them, or by halves."""

import numpy as np
import pytest
import torch

from latentman.config import SamplerConfig
from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.errors import ConfigError


@pytest.mark.parametrize("tokens", [64, 16, 4])
def test_nearest_takes_the_top_left_pixel_of_each_tokens_square(tokens):
    mask = torch.from_numpy(np.random.default_rng(0).random((3, 64, 64)) < 0.5)
    side = round(tokens**0.5)
    found = AnchorMasks(mask, 64).on_tokens(tokens).reshape(3, side, side)
    step = 64 // side
    assert torch.equal(found, mask[:, ::step, ::step])


def test_half_asks_for_half_of_a_tokens_cells():
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, 0, :2] = mask[0, 2, 0] = True
    assert AnchorMasks(mask, reduction="half").on_tokens(4).tolist() == [[True, False, False, False]]
    assert AnchorMasks(mask).on_tokens(4).tolist() == [[True, False, True, False]]


@pytest.mark.parametrize("reduction", ["nearest", "half"])
def test_grids_that_were_halved_and_rounded_up_have_a_mask_of_their_tokens(reduction):
    for side in (5, 3):
        masks = AnchorMasks(torch.ones(2, 9, 9, dtype=torch.bool), reduction=reduction)
        assert masks.on_tokens(side * side).shape == (2, side * side)


def test_keys_of_masks_are_refused_without_masks():
    for options in ({"mask_reduction": "half"}, {"mask_frame0": True}):
        with pytest.raises(ConfigError, match=r"no effect without sampler\.masked=true"):
            SamplerConfig(name="t2v_zero", **options)
    with pytest.raises(ConfigError, match=r"sampler\.mask_reduction='area'"):
        SamplerConfig(name="t2v_zero", masked=True, mask_reduction="area")


def test_frames_without_masks_have_the_hash_that_they_had_before_the_keys_were_there():
    assert not {"mask_reduction", "mask_frame0"} & set(SamplerConfig(name="t2v_zero").result())
    assert {"mask_reduction", "mask_frame0"} <= set(SamplerConfig(name="t2v_zero", masked=True).result())
