"""Which schedules suit which networks."""

import pytest

from latentman.config import ConditionerConfig, ScheduleConfig
from latentman.diffusion.schedules import check_schedule, check_schedule_early
from latentman.errors import ConfigError
from latentman.networks.resolved import resolve_setup
from tests.factories.tiny_model import ONE_CONTROLNET, tiny_setup

DISTILLED = {"time_cond_proj_dim": 256}
LCM, LORA = ScheduleConfig("lcm"), ScheduleConfig("lcm", distilled=True)


@pytest.mark.parametrize(
    ("schedule", "guidance", "unet", "scheduler", "message"),
    [
        (ScheduleConfig("dpmpp"), 5, {}, {"prediction_type": "v_prediction"}, "schedule=dpmpp needs.*predicts v_pred"),
        (ScheduleConfig("unipc"), 5, DISTILLED, {}, "schedule=unipc cannot sample.*use schedule=lcm"),
        (LCM, 1, {}, {}, r"not distilled.*lack detail.*schedule=dpmpp.*schedule.distilled=true"),
        (LORA, 9.0, {}, {}, r"setup.guidance_scale=9.0 is too strong for schedule=lcm.*from 1 to 2"),
    ],
)
def test_a_schedule_that_does_not_suit_the_networks_is_refused(schedule, guidance, unet, scheduler, message):
    with pytest.raises(ConfigError, match=message):
        check_schedule(schedule, guidance, unet=unet, scheduler=scheduler)


@pytest.mark.parametrize(
    ("schedule", "guidance", "unet"),
    [
        (ScheduleConfig("ddim"), 9.0, DISTILLED),
        (ScheduleConfig("dpmpp"), 9.0, {}),
        (ScheduleConfig("unipc"), 9.0, {"time_cond_proj_dim": None}),
        (LCM, 9.0, DISTILLED),
        (LORA, 1.5, {}),
    ],
)
def test_a_schedule_that_suits_the_networks_passes(schedule, guidance, unet):
    check_schedule(schedule, guidance, unet=unet, scheduler={})


def test_a_folder_on_this_machine_is_checked_before_its_weights_are_loaded(tiny_folder):
    found = resolve_setup(tiny_setup(tiny_folder), ONE_CONTROLNET)
    with pytest.raises(ConfigError, match="not distilled"):
        check_schedule_early(LCM, found)
    check_schedule_early(ScheduleConfig("unipc"), found)
    hub = resolve_setup(tiny_setup("owner/name"), ConditionerConfig("none"))
    check_schedule_early(LCM, hub)
