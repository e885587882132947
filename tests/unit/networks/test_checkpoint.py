"""Model folders: what is missing or damaged is named before weights are read."""

import json
import shutil
import struct

import pytest

from latentman.errors import WeightsError
from latentman.networks.checkpoint import check_model_directory, folder_digest, local_folder, read_header


@pytest.mark.parametrize("part", ["unet", "controlnet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_component_is_named(copied, part):
    shutil.rmtree(copied / part)
    with pytest.raises(WeightsError, match=f"no folder {part}"):
        check_model_directory(copied)


def test_a_file_that_claims_a_huge_header_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "bomb.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(WeightsError, match="header would be"):
        read_header(path)


def test_a_path_is_distinguished_from_a_hub_id(tmp_path):
    assert local_folder("stable-diffusion-v1-5/stable-diffusion-v1-5") is None
    assert local_folder(str(tmp_path)) == tmp_path
    for missing in ("./nothing", "/no/such/folder", "~/nothing-here-at-all", "asset:nothing", "plainname"):
        with pytest.raises(WeightsError, match="there is no folder"):
            local_folder(missing)


def test_the_digest_follows_the_weights_and_nothing_else(copied):
    before = folder_digest(copied)
    folder_digest.cache_clear()
    (copied / "CARD.md").write_text("words")
    assert folder_digest(copied) == before
    folder_digest.cache_clear()
    config = copied / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "sample_size": 17}))
    assert folder_digest(copied) != before
