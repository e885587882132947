"""The background's warp error on pictures whose background is known to hold, or not to."""

import numpy as np
import pytest

from latentman.errors import ShapeError
from latentman.metrics.background_warp import background_warp_error
from latentman.render.scene import cast
from tests.factories.scenes import clip_in, seen

SIDE = 64


def painted(conditions):
    """Frames in which every point of the scene has a colour of its own, smooth over its surface."""
    pixels = np.argwhere(np.ones((SIDE, SIDE))).astype(float)
    frames = []
    for camera in conditions.cameras:
        point = cast(conditions.scene, camera, pixels).point[:, :3]
        frames.append(128 + 100 * np.sin(point * (1.3, 1.1, 0.9)))
    return np.rint(np.stack(frames)).astype(np.uint8).reshape(-1, SIDE, SIDE, 3)


def test_a_background_that_moves_with_the_camera_has_no_error_and_one_that_stands_still_has():
    conditions = clip_in("room", orbit=20.0, side=SIDE)
    frames = painted(conditions)
    right = background_warp_error(frames, conditions)
    still = background_warp_error(np.repeat(frames[:1], 4, axis=0), conditions)
    assert right.value < 0.01 * still.value
    assert len(right.per_pair) == 3


def test_the_figure_does_not_count():
    conditions = clip_in("room", orbit=20.0, side=SIDE)
    frames = painted(conditions)
    before = background_warp_error(frames, conditions)
    frames[conditions.mask] = 0
    assert background_warp_error(frames, conditions) == before


def test_the_score_is_the_mean_square_over_the_pixels_that_both_frames_show():
    conditions = clip_in("room", side=SIDE)
    frames = np.zeros((4, SIDE, SIDE, 3), np.uint8)
    frames[1:] = (1, 2, 3)
    assert background_warp_error(frames, conditions).per_pair == (14.0, 0.0, 0.0)


def test_a_moving_camera_needs_a_scene_and_a_still_one_does_not():
    moving, still = clip_in("room", orbit=20.0), clip_in("room")
    frames = np.zeros((*moving.mask.shape, 3), np.uint8)
    score = background_warp_error(frames, seen(moving.mask, moving.cameras, None))
    assert score.value is None
    assert "add scene=floor or scene=room" in score.reason
    assert background_warp_error(frames, seen(still.mask, still.cameras, None)).value == 0


def test_a_picture_without_background_has_no_value():
    conditions = clip_in("room", mask=np.ones((4, 32, 32), bool))
    score = background_warp_error(np.zeros((4, 32, 32, 3), np.uint8), conditions)
    assert (score.value, score.reason) == (None, "no point of the background is seen in two consecutive frames")


def test_frames_of_another_size_are_refused():
    with pytest.raises(ShapeError, match="background_warp_error: expected frames"):
        background_warp_error(np.zeros((4, 8, 8, 3), np.uint8), clip_in("room"))
