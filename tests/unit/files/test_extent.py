"""A configuration with wrong numbers is refused before a network is built from it."""

import json

import pytest

from latentman.errors import WeightsError
from latentman.files.extent import check_extent
from latentman.networks.checkpoint import check_part
from tests.factories.tiny_model import save_tiny_model

SHAPES = [[320, 4, 3, 3], [320], [70_000, 8]]


@pytest.mark.parametrize(
    "config",
    [
        {"layers_per_block": 3, "block_out_channels": [320, 320], "eps": 1e-6},
        {"vocab_size": 70_000},
        {"nested": {"num_hidden_layers": 3}, "name": "x", "flag": True, "none": None},
    ],
)
def test_what_the_weights_could_hold_passes(config, tmp_path):
    check_extent(tmp_path, config, SHAPES)


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"layers_per_block": 4}, "layers_per_block=4"),
        ({"text": {"num_hidden_layers": 2**31}}, "num_hidden_layers"),
        ({"transformer_layers_per_block": [1, 10**12]}, "transformer_layers_per_block"),
        ({"block_out_channels": [320, 70_001]}, "block_out_channels=70001"),
        ({"hidden_size": float("inf")}, "hidden_size"),
        ({"betas": [0.1] * 1001}, "entries of betas"),
        ({"size": -(2**70)}, "size"),
    ],
)
def test_what_they_could_not_is_refused_by_name(config, key, tmp_path):
    with pytest.raises(WeightsError, match=key):
        check_extent(tmp_path, config, SHAPES)


def test_endless_layers_are_refused_at_once(tmp_path):
    """Building them without numbers would take hours."""
    save_tiny_model(tmp_path)
    for component, key in [("text_encoder", "num_hidden_layers"), ("controlnet", "layers_per_block")]:
        file = tmp_path / component / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), key: 2**31 - 1}))
        with pytest.raises(WeightsError, match=key):
            check_part(tmp_path / component, component)
