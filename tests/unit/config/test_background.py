"""Which backgrounds, scenes and cameras can be combined."""

import pytest

from latentman.config import BackgroundConfig, CameraConfig, DepthConfig, DriftConfig, SceneConfig
from latentman.config.background import check_background
from latentman.errors import ConfigError

FREE = BackgroundConfig(enabled=False)
STEADY = BackgroundConfig(window=[0.0, 0.8])
MAPPED = BackgroundConfig(window=[0.0, 0.8], map="scene", noise=True, guide=True)
NO_SCENE, FLOOR = SceneConfig(), SceneConfig("floor")
STILL, ORBIT = CameraConfig(), CameraConfig(orbit=60.0)
WATER = SceneConfig("floor", drift=DriftConfig([1.0, 0.0]))


@pytest.mark.parametrize(
    ("background", "scene", "camera"),
    [(FREE, NO_SCENE, ORBIT), (STEADY, FLOOR, STILL), (MAPPED, NO_SCENE, STILL), (MAPPED, WATER, ORBIT)],
)
def test_what_can_be_combined_passes(background, scene, camera):
    check_background(background, scene, camera)


@pytest.mark.parametrize(
    ("background", "scene", "camera", "message"),
    [
        (STEADY, FLOOR, ORBIT, r"the camera moves: camera.orbit=60.0.*use background=free, or background=mapped"),
        (MAPPED, NO_SCENE, ORBIT, "scene=none: add scene=floor or scene=room"),
        (STEADY, WATER, STILL, r"scene.drift moves it; use background=moving"),
    ],
)
def test_what_cannot_be_combined_is_refused(background, scene, camera, message):
    with pytest.raises(ConfigError, match=message):
        check_background(background, scene, camera)


def test_settings_of_the_map_are_refused_without_it():
    with pytest.raises(ConfigError, match=r"no effect without background.map=scene, use background=mapped"):
        BackgroundConfig(window=[0.0, 0.8], noise=True)
    with pytest.raises(ConfigError, match=r"background.map='room'"):
        BackgroundConfig(window=[0.0, 0.8], map="room")


def test_without_the_scenes_map_the_settings_that_count_are_those_of_older_versions():
    assert STEADY.result() == {"enabled": True, "window": [0.0, 0.8], "steps": None}
    assert MAPPED.result()["map"] == "scene"
    assert "scene" not in DepthConfig().result(scene=False)
    assert DepthConfig().result(scene=True)["scene"] is False
