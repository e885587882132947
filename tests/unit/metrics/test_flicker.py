import numpy as np
import pytest

from latentman.config import CameraConfig
from latentman.errors import ShapeError
from latentman.metrics.flicker import background_flicker, flicker
from latentman.render.conditions import render_conditions
from tests.factories.bodies import walk
from tests.factories.views import BODY_RANGE, VIEW


def test_a_fixed_background_does_not_flicker_whatever_the_figure_does(conditions):
    frames = np.repeat(
        np.random.default_rng(3).integers(0, 256, (1, *conditions.mask.shape[1:], 3), dtype=np.uint8), 3, axis=0
    )
    frames[conditions.mask] = np.random.default_rng(4).integers(0, 256, (conditions.mask.sum(), 3))
    # A pixel that the figure leaves is excluded too.
    assert background_flicker(frames, conditions.mask).value == 0


def test_flicker_is_the_mean_change_of_all_pixels():
    frames = np.random.default_rng(8).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    values = frames.reshape(3, -1).tolist()
    expected = [np.mean([abs(a - b) for a, b in zip(*pair, strict=True)]) for pair in (values[:2], values[1:])]
    assert flicker(frames).per_pair == pytest.approx(expected)
    assert flicker(frames[:1]).reason == "there is only one frame"


def test_flicker_refuses_arrays_that_are_not_frames():
    with pytest.raises(ShapeError, match="flicker: expected frames"):
        flicker(np.zeros((2, 4, 4), np.uint8))


def test_background_flicker_has_no_value_if_the_camera_moves():
    moving = render_conditions(walk(), camera=CameraConfig(**VIEW, orbit=40.0, follow=0.5), depth=BODY_RANGE, size=48)
    frames = np.random.default_rng(0).integers(0, 256, (*moving.mask.shape, 3), dtype=np.uint8)
    score = background_flicker(frames, moving.mask, camera_moves=moving.camera_moves)
    assert score.value is None
    assert "camera moves" in score.reason
    assert score.unit == "levels (0..255)"
    still = render_conditions(walk(), camera=CameraConfig(**VIEW), depth=BODY_RANGE, size=48)
    assert background_flicker(frames, still.mask, camera_moves=still.camera_moves).value > 50
    with pytest.raises(ShapeError, match="background_flicker"):
        background_flicker(frames[:2], moving.mask)
