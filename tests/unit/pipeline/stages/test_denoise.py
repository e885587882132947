"""What makes latents be made again."""

import pytest

from latentman.engine.compose import compose
from latentman.pipeline.run import describe_run
from latentman.pipeline.stages.denoise import STAGE
from latentman.system.digest import digest


@pytest.fixture
def settings(tmp_path):
    """Return the digest of the stage's settings under these overrides."""
    return lambda *overrides: digest(STAGE.settings(describe_run(compose(list(overrides)), tmp_path)))


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("latentwarp", "latentwarp.interpolation=bilinear"),
        ("token_warping", "token_warping.tokens=[query]"),
        ("tokenflow", "tokenflow.match=similarity"),
        ("vidtome", "vidtome.match=similarity"),
        ("generative_rendering", "generative_rendering.weight=0.25"),
    ],
)
def test_settings_of_a_related_method_count_only_while_it_is_on(settings, name, changed):
    off, on = settings("method=t2v_zero"), settings("method=t2v_zero", f"{name}=full")
    assert settings("method=t2v_zero", changed) == off
    assert len({off, on, settings("method=t2v_zero", f"{name}=full", changed)}) == 3


def test_a_mapped_background_counts_as_another_one(settings):
    assert len({settings(), settings("background=steady"), settings("background=mapped")}) == 3
