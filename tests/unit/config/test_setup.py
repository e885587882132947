"""The group ``setup``."""

import pytest

from latentman.config import SetupConfig
from latentman.engine.compose import compose
from latentman.errors import ConfigError


def test_the_setup_of_sdxl_composes_to_its_published_sizes():
    setup: SetupConfig = compose(["setup=sdxl"]).setup
    assert (setup.image_size, setup.latent_size) == (1024, 128)
    assert setup.pwg_strength == setup.guidance_scale - 1
    assert set(setup.steps) == {"t2v_zero", "t2v_zero_uncond", "masactrl", "per_frame"}
    assert all(len(x) == 40 for x in (setup.revision, setup.controlnet_revision, setup.architecture_revision))


def test_compiling_and_offloading_together_is_refused():
    with pytest.raises(ConfigError, match=r"setup\.offload=true .*setup\.compile=all"):
        SetupConfig("x", "y", image_size=64, latent_size=16, guidance_scale=1.0, pwg_strength=0.0, offload=True,
                    compile="all")  # fmt: skip
