"""Prompts become embeddings: negative first, what does not fit is cut with a warning, SDXL gets sizes too."""

import logging

import pytest
import torch

from latentman.diffusion.text import encode_prompt
from tests.factories.families import IMAGE


def test_a_prompt_that_is_too_long_is_cut_with_a_warning_that_names_the_rest(backbone, caplog):
    long = "a robot " * 60 + "walks on the moon"
    with caplog.at_level(logging.WARNING):
        embeds = encode_prompt(backbone, long, "blurry", 5.0)
    assert embeds.embeds.shape == (2, 77, 32)
    (record,) = caplog.records
    assert "prompt is longer than the 77 tokens" in record.message
    assert record.message.endswith("walks on the moon'")


def test_a_prompt_that_fits_gives_no_warning_and_guidance_1_needs_no_negative(backbone, caplog):
    assert encode_prompt(backbone, "a robot walks", "blurry", 1.0).embeds.shape == (1, 77, 32)
    assert not caplog.records


def test_negative_comes_first(backbone):
    both = encode_prompt(backbone, "a robot", "blurry", 5.0).embeds
    assert torch.allclose(both[1:], encode_prompt(backbone, "a robot", "", 1.0).embeds, atol=1e-5)
    assert torch.allclose(both[:1], encode_prompt(backbone, "blurry", "", 1.0).embeds, atol=1e-5)


CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sdxl"], indirect=True, scope="module")
def test_sdxl_reads_the_size_of_the_picture_and_the_negative_first(loaded):
    text = encode_prompt(loaded, "a red robot", "blurry", 5.0)
    assert text.embeds.shape == (2, 77, 24 + 40)
    assert text.pooled.shape == (2, 20)
    assert text.time_ids.tolist() == [[IMAGE, IMAGE, 0, 0, IMAGE, IMAGE]] * 2
    alone = encode_prompt(loaded, "a red robot", "", 1.0)
    assert torch.allclose(text.pooled[1:], alone.pooled, atol=1e-5)
    assert not torch.allclose(text.pooled[0], text.pooled[1], atol=1e-2)
