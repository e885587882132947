from pathlib import Path

import pytest

from latentman.errors import ConfigError
from latentman.train.mini.networks import (
    new_unet,
    new_vae,
)
from latentman.train.mini.settings import parse_settings, presets
from tests.factories.mini_settings import settings


def test_every_preset_states_its_purpose() -> None:
    assert set(presets()) == {"cpu_decoder", "cpu_judges", "cpu_smoke", "h100_30min"}
    assert all(len(purpose) > 20 for purpose in presets().values())


def build(**changes: object) -> None:
    told = settings(**changes)
    new_vae(told)
    new_unet(told)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("networks.unet_channels=[50,32,32]", "do not define a valid UNet: num_channels"),
        ("networks.down_blocks=[A,B,C]", "do not define a valid UNet: A does not exist"),
        ("networks.vae_groups=7", "do not define a valid VAE"),
        ("networks.unet_heads=3", "must be multiples of unet_heads=3"),
        ("networks.text_heads=3", "networks.text_width=32 must be a multiple"),
        ("networks.vocabulary=100", "must be 514 or more"),
        ("networks.up_blocks=[UpBlock2D]", "must be equally long"),
        ("networks.control_channels=[8]", "as long as networks.vae_channels"),
        ("scenes.size=40", "multiple of"),
        ("decoder.blocks=[1,1]", "must be as long as networks.vae_channels"),
        ("decoder.crop=0", "must be 1 or more"),
        ("vae.batch=0", "batch=0 must be 1 or more"),
        ("vae.steps=many", r"vae\.steps=many: the value must be a whole number"),
        ("vae.learning_rate=0", "must be above 0"),
        ("t2i.text_drop=2", "text_drop=2.0 must be between 0 and 1"),
        ("threads=0", "threads=0 must be 1 or more"),
        ("minutes=0", "minutes=0.0 must be above 0"),
        ("vae.stepps=3", r"is not a setting; did you mean 'vae.steps'\?"),
        ("preset=cpu", "preset='cpu' is unknown"),
        ("precision=half", "precision='half' is unknown"),
        ("out=", "needs out="),
    ],
)
def test_an_invalid_setting_is_refused(change: str, message: str) -> None:
    key, _, value = change.partition("=")
    with pytest.raises(ConfigError, match=message):
        build(**{key: value})


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("vae.steps=-3", r"^vae\.steps=-3 must be 1 or more"),
        ("t2i.text_drop=2", r"^t2i\.text_drop=2\.0 must be between 0 and 1"),
        ("vae.steps=abc", r"vae\.steps=abc: the value must be a whole number, such as vae\.steps=3"),
        ("vae.step=3", r"'vae\.step=3' is not a setting; did you mean 'vae\.steps'"),
        ("vae=3", r"'vae=3' is not a setting"),
        ("workers=0", r"^workers=0 must be 1 or more"),
        ("minutes=-1", r"^minutes=-1\.0 must be above 0"),
    ],
)
def test_an_invalid_setting_is_refused_with_its_full_key(tmp_path: Path, argument: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_settings("vae", [f"out={tmp_path}", "preset=cpu_smoke", argument])
