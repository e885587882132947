"""The picture of the scene: its surfaces behind the grey figure."""

import numpy as np
import pytest

from latentman.config import CameraConfig, DriftConfig, SceneConfig
from latentman.errors import DataError
from latentman.render.conditions import render_conditions
from latentman.render.grey_picture import draw_grey
from latentman.render.scene_picture import draw_scene
from tests.factories.bodies import standing
from tests.factories.views import BODY_RANGE, VIEW


@pytest.fixture(scope="module")
def body():
    return standing(2)


def seen_in(body, scene):
    return render_conditions(body, camera=CameraConfig(**VIEW), depth=BODY_RANGE, size=48, scene=scene)


def test_the_figure_is_grey_and_the_surfaces_have_two_shades_each(body):
    conditions = seen_in(body, SceneConfig("floor"))
    drawn = draw_scene(body, conditions)
    assert np.array_equal(drawn[conditions.mask], draw_grey(body, conditions)[conditions.mask])
    behind = drawn[0][~conditions.mask[0]]
    assert len(np.unique(behind, axis=0)) == 4
    assert np.array_equal(drawn[0][~conditions.mask[0]], drawn[1][~conditions.mask[1]])


def test_squares_drift_with_their_surface_only(body):
    conditions = seen_in(body, SceneConfig("floor", drift=DriftConfig(sky=40.0)))
    first, second = draw_scene(body, conditions)
    assert np.array_equal(first[-1], second[-1])
    assert not np.array_equal(first[0], second[0])


def test_without_a_scene_there_is_nothing_to_draw(body):
    with pytest.raises(DataError, match=r"scene=none; add scene=floor or scene=room"):
        draw_scene(body, seen_in(body, None))
