"""The group ``schedule``: its steps, and the settings that belong to DDIM alone."""

from dataclasses import replace

import pytest

from latentman.config import ScheduleConfig
from latentman.engine.compose import compose
from latentman.errors import ConfigError


def test_a_schedule_has_steps_of_its_own_unless_the_user_gives_a_number():
    config = compose([])
    assert (config.schedule.name, config.num_steps) == ("ddim", 20)
    lcm = replace(config, schedule=ScheduleConfig("lcm", steps=8))
    assert (lcm.num_steps, lcm.sla.indices("sla", 8), lcm.pwg.indices("pwg", 8)) == (8, range(4), range(2, 6))
    assert replace(lcm, num_inference_steps=6).num_steps == 6


def test_paper_and_official_keep_ddim_and_say_so():
    with pytest.raises(ConfigError, match=r"steps_offset=0 is DDIM's.*fidelity=paper and fidelity=official keep DDIM"):
        compose(["fidelity=official", "schedule=unipc"])


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("dpmpp", {"eta": 0.5}, r"sampler.eta=0.5 is DDIM's.*schedule=dpmpp"),
        ("unipc", {"steps_offset": 1}, r"sampler.steps_offset=1 is DDIM's"),
        ("lcm", {"gradient": "official_uncond"}, r"official_uncond.*use pwg.gradient=direct"),
    ],
)
def test_settings_that_a_schedule_does_not_have_are_refused(name, settings, message):
    given = {"eta": 0.0, "steps_offset": None, "gradient": "direct"} | settings
    with pytest.raises(ConfigError, match=message):
        ScheduleConfig(name).check(**given)
    ScheduleConfig("ddim").check(**given)


def test_values_that_mean_nothing_are_refused():
    with pytest.raises(ConfigError, match="schedule"):
        ScheduleConfig("euler")
    with pytest.raises(ConfigError, match=r"schedule.steps=0"):
        ScheduleConfig("lcm", steps=0)
    with pytest.raises(ConfigError, match=r"distilled=true has no effect with schedule=dpmpp"):
        ScheduleConfig("dpmpp", distilled=True)


def test_ddim_adds_nothing_to_what_identifies_a_result():
    assert ScheduleConfig("ddim").results() == []
    assert ScheduleConfig("lcm", steps=8).results() == [{"name": "lcm", "distilled": False}]
