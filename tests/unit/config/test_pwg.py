"""What guidance decodes: settings, and what of them a finished run is known by."""

import pytest

from latentman.config.sampling import PwgConfig
from latentman.config.setup import SetupConfig
from latentman.engine.compose import compose
from latentman.errors import ConfigError

WINDOW = [0.2, 0.7]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"decoder": "small"}, r"pwg\.decoder='small' .*full, tiny"),
        ({"region": "body"}, r"pwg\.region='body' .*figure, picture"),
        ({"margin": -1}, r"pwg\.margin=-1"),
    ],
)
def test_unknown_values_are_refused_with_those_that_are_allowed(values, message):
    with pytest.raises(ConfigError, match=message):
        PwgConfig(window=WINDOW, **values)


def test_the_whole_picture_by_the_vae_is_known_as_before_there_was_a_choice():
    """Finished runs stay finished: their stages are known by a hash of these settings."""
    known = PwgConfig(window=WINDOW).result()
    assert set(known) == {
        "enabled", "window", "steps", "gradient", "loss", "delta", "size", "chunk_size", "checkpointing",
    }  # fmt: skip
    assert set(PwgConfig(window=WINDOW, decoder="tiny").result()) == {*known, "decoder"}
    assert set(PwgConfig(window=WINDOW, region="figure").result()) == {*known, "region", "margin"}


def test_guidance_keeps_its_sum_with_another_number_of_steps():
    pwg = PwgConfig(window=WINDOW, delta=0.01, delta_steps=12)
    assert [steps * pwg.delta_at(steps) for steps in (6, 12, 100)] == pytest.approx([0.12] * 3)
    assert PwgConfig(window=WINDOW, delta=0.01).delta_at(100) == 0.01
    assert pwg.result()["delta_steps"] == 12
    with pytest.raises(ConfigError, match=r"pwg\.delta_steps=0"):
        PwgConfig(window=WINDOW, delta_steps=0)


def test_a_setup_is_known_without_its_tiny_decoder():
    sizes = {"image_size": 64, "latent_size": 16, "guidance_scale": 1.0, "pwg_strength": 0.0}
    with_one, without = SetupConfig("x", "y", tiny_decoder="z", **sizes), SetupConfig("x", "y", **sizes)
    assert with_one.result() == without.result()


def test_a_window_and_a_compiled_vae_are_refused_together():
    with pytest.raises(ConfigError, match=r"pwg\.region=figure .*setup\.compile=unet, pwg\.region=picture or"):
        compose(["pwg.region=figure", "pwg.decoder=full", "setup.compile=all"])


@pytest.mark.parametrize("fidelity", ["paper", "official"])
def test_what_follows_the_paper_decodes_whole_pictures_by_the_vae(fidelity):
    config = compose([f"fidelity={fidelity}"])
    assert (config.pwg.decoder, config.pwg.region) == ("full", "picture")


def test_the_window_is_the_default_where_it_was_measured():
    assert compose([]).pwg.region == "figure"
    assert compose(["setup=mini_fast"]).pwg.region == "figure"
    assert compose(["setup=sd15"]).pwg.region == "picture"


def test_a_run_without_guidance_is_known_by_no_window():
    assert compose(["pwg=none"]).pwg.result() == compose(["pwg=none", "pwg.region=picture"]).pwg.result()
