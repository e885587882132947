"""The networks of the presets, and reading a finished model."""

from pathlib import Path

import pytest
import torch

from latentman.errors import WeightsError
from latentman.train.mini.networks import (
    load_networks,
    new_controlnet,
    new_text_encoder,
    new_unet,
    new_vae,
)
from latentman.train.mini.tokenizer import learn_tokenizer
from tests.factories.mini_settings import settings


def test_the_h100_presets_files_are_smaller_than_60_megabytes(tmp_path: Path) -> None:
    told = settings("h100_30min")
    tokenizer = learn_tokenizer([], told.networks.vocabulary, tmp_path / "tokenizer")
    with torch.device("meta"):
        unet = new_unet(told)
        networks = [new_vae(told), unet, new_controlnet(told, unet), new_text_encoder(told, tokenizer)]
    weights = sum(p.numel() for network in networks for p in network.parameters())
    # the text encoder with its largest vocabulary, and a megabyte for headers, configurations and the tokenizer
    weights += (told.networks.vocabulary - len(tokenizer)) * told.networks.text_width
    assert 2 * weights + 1e6 < 60e6


def test_the_h100_preset_has_self_attention_at_the_largest_level_of_the_decoder() -> None:
    with torch.device("meta"):
        unet = new_unet(settings("h100_30min"))
    assert type(unet.up_blocks[-1]).__name__ == "CrossAttnUpBlock2D"
    assert unet.config.sample_size == 64


def test_a_folder_that_is_not_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is not a network"):
        load_networks(tmp_path, "cpu")
