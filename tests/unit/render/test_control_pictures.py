import numpy as np
import pytest

from latentman.errors import ConfigError
from latentman.render.control_pictures import CONTROL_PICTURES, draw_control
from latentman.types import BodySequence, Conditions
from tests.factories.views import SIZE, see

# Every picture


@pytest.mark.parametrize("kind", CONTROL_PICTURES)
def test_every_kind_gives_rgb_pictures_of_the_clip_between_0_and_1(kind, walking):
    pictures = draw_control(kind, *walking)
    assert pictures.shape == (2, SIZE, SIZE, 3)
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert pictures.std() > 0.01


@pytest.mark.parametrize("kind", CONTROL_PICTURES)
def test_the_same_input_gives_the_same_bytes(kind, walking):
    assert draw_control(kind, *walking).tobytes() == draw_control(kind, *walking).tobytes()


@pytest.mark.parametrize("kind", CONTROL_PICTURES)
def test_a_body_at_rest_gives_the_same_picture_in_every_frame(kind, walking):
    body, _ = walking
    still = BodySequence(body.vertices[[0, 0]], body.faces, body.joints[[0, 0]], body.part, body.corner_uv, body.fps)
    first, second = draw_control(kind, still, see(still, 20))
    assert (first == second).all()


@pytest.mark.parametrize("kind", ["normal", "pose", "canny"])
def test_each_frame_is_seen_by_its_own_camera(kind, walking):
    body, _ = walking
    still = BodySequence(body.vertices[[0, 0]], body.faces, body.joints[[0, 0]], body.part, body.corner_uv, body.fps)
    views = [see(still, yaw) for yaw in (0, 70)]
    arrays = {k: np.stack([getattr(v, k)[0] for v in views]) for k in ("depth", "disparity", "iuv", "mask", "face")}
    bary = np.stack([v.bary[0] for v in views])
    both = Conditions(**arrays, bary=bary, cameras=(views[0].cameras[0], views[1].cameras[0]))
    drawn = draw_control(kind, still, both)
    for frame, view in enumerate(views):
        assert (drawn[frame] == draw_control(kind, still, view)[0]).all()
    assert (drawn[0] != drawn[1]).any()


def test_an_unknown_kind_is_refused_with_its_key_and_the_nearest_choice(walking):
    with pytest.raises(ConfigError, match=r"conditioner\.nets\[\.\.\.\]\.kind='nromal' .* did you mean 'normal'"):
        draw_control("nromal", *walking)


def test_the_depth_picture_is_the_disparity_in_grey(walking):
    body, conditions = walking
    picture = draw_control("depth", body, conditions)
    assert all((picture[..., channel] == conditions.disparity).all() for channel in range(3))


# Normals


# Pose


# Edges
