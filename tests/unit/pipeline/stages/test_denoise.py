"""What makes latents be made again."""

from dataclasses import replace

import pytest

from latentman.config import ScheduleConfig
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


def test_the_solver_counts_and_ddim_and_where_the_steps_come_from_do_not(tmp_path):
    config = compose([])

    def settings(**changes):
        return digest(STAGE.settings(describe_run(replace(config, **changes), tmp_path)))

    ddim, unipc = settings(), settings(schedule=ScheduleConfig("unipc"))
    assert ddim != unipc
    assert settings(schedule=ScheduleConfig("unipc", steps=20)) == unipc
    assert settings(sampler=replace(config.sampler, steps=20, motion_adapter="not/read")) == ddim


def test_the_files_of_a_motion_adapter_count_and_their_place_does_not(tmp_path):
    config = compose(["method=animatediff"])
    found = []
    for place, text in (("here", "1"), ("there", "1"), ("changed", "2")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "config.json").write_text(text)
        sampler = replace(config.sampler, motion_adapter=str(tmp_path / place))
        found.append(digest(STAGE.settings(describe_run(replace(config, sampler=sampler), tmp_path))))
    assert found[0] == found[1] != found[2]


def test_a_mapped_background_counts_as_another_one(settings):
    assert len({settings(), settings("background=steady"), settings("background=mapped")}) == 3
