import logging

import numpy as np
import pytest

from latentman.config import CameraConfig, DepthConfig
from latentman.errors import ConfigError, ShapeError
from latentman.render.camera import project, to_camera
from latentman.render.conditions import render_conditions
from latentman.types import Conditions
from tests.factories.bodies import displaced, standing, walk
from tests.factories.views import BODY_RANGE, VIEW

CAMERA = CameraConfig(yfov_deg=47, yaw_deg=20, pitch_deg=4, margin=0.1)
DEPTH = DepthConfig("inverse", "clip", None, 0.3, 0.9)


def test_the_five_pictures_agree_on_where_the_figure_is(conditions):
    for picture in (
        conditions.depth > 0,
        conditions.disparity > 0,
        conditions.iuv[..., 0] > 0,
        conditions.face >= 0,
        conditions.bary.sum(-1) > 0.5,
    ):
        assert (picture == conditions.mask).all()
    assert 0.03 < conditions.mask.mean() < 0.5


def test_background_has_part_zero_and_the_figure_parts_one_to_24(conditions):
    assert not conditions.iuv[~conditions.mask].any()
    parts = np.unique(conditions.iuv[conditions.mask][:, 0])
    assert parts.min() >= 1
    assert parts.max() <= 24
    assert len(parts) >= 16


def test_types_are_those_of_the_contract(conditions):
    dtypes = {name: getattr(conditions, name).dtype for name in ("depth", "disparity", "bary", "face", "iuv", "mask")}
    assert dtypes == {
        "depth": np.float32,
        "disparity": np.float32,
        "bary": np.float32,
        "face": np.int32,
        "iuv": np.uint8,
        "mask": np.bool_,
    }


def test_disparity_is_not_quantised(conditions):
    assert len(np.unique(conditions.disparity)) > 1000


def test_the_whole_clip_is_inside_the_margin(sequence, conditions):
    pixels = project(to_camera(sequence.vertices, conditions.cameras[0]), conditions.cameras[0])
    assert pixels.min() >= 9.6 - 1e-6
    assert pixels.max() <= 86.4 + 1e-6
    rows, columns = conditions.mask.any((0, 2)), conditions.mask.any((0, 1))
    for line in (rows, columns):
        assert not line[:9].any()
        assert not line[-9:].any()


def test_each_joint_of_the_limbs_is_visible_where_it_projects(sequence, conditions):
    """A wrist, knee or ankle projects into the silhouette, and the surface is at most a limb's width in front of it."""
    points = to_camera(sequence.joints[:, [4, 5, 7, 8, 20, 21]], conditions.cameras[0])
    column, row = np.floor(project(points, conditions.cameras[0])).astype(int).transpose(2, 0, 1)
    frame = np.arange(len(points))[:, None]
    assert conditions.mask[frame, row, column].all()
    assert (conditions.depth[frame, row, column] < points[..., 2] + 0.02).all()


def test_left_parts_are_on_the_right_in_the_front_view(conditions):
    part = conditions.iuv[0, ..., 0]
    left, right = (np.isin(part, parts).nonzero()[1].mean() for parts in ((10, 14, 5), (9, 13, 6)))
    assert left > right + 3


def test_progress_counts_the_frames(sequence):
    seen = []
    render_conditions(
        sequence, camera=CAMERA, depth=DEPTH, size=64, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_repeated_run_is_bit_identical(sequence, conditions):
    again = render_conditions(sequence, camera=CAMERA, depth=DEPTH, size=96)
    for name, array in conditions.arrays().items():
        assert array.tobytes() == again.arrays()[name].tobytes(), name


def test_conditions_survive_a_round_trip_through_arrays(conditions):
    again = type(conditions).from_arrays(conditions.arrays())
    assert again.cameras[0].fx == conditions.cameras[0].fx
    assert (again.iuv == conditions.iuv).all()


def test_a_fitted_clip_logs_nothing(sequence, caplog):
    with caplog.at_level(logging.WARNING, logger="latentman.render"):
        render_conditions(sequence, camera=CAMERA, depth=DEPTH, size=64)
    assert not caplog.records


@pytest.mark.parametrize("span", ["clip", "body"])
def test_a_figure_that_leaves_the_picture_gives_a_valid_result_and_one_warning(span, caplog):
    camera = CameraConfig(yfov_deg=47, yaw_deg=0, pitch_deg=4, distance=3.5)
    with caplog.at_level(logging.WARNING, logger="latentman.render"):
        conditions = render_conditions(
            walk(distance=9.0, frames=4), camera=camera, depth=DepthConfig("inverse", span), size=64
        )
    (record,) = caplog.records
    assert "outside the picture in 3 of 4 frames (3 of them are empty)" in record.getMessage()
    assert "camera.distance" in record.getMessage()
    assert conditions.mask[0].any()
    assert not conditions.mask[3].any()
    assert not conditions.iuv[3].any()
    assert np.isfinite(conditions.disparity).all()


def test_a_camera_that_does_not_see_the_figure_gives_empty_pictures_and_a_warning(caplog):
    sequence = walk()
    away = type(sequence)(
        vertices=sequence.vertices + np.float32(30),
        faces=sequence.faces,
        joints=sequence.joints,
        part=sequence.part,
        corner_uv=sequence.corner_uv,
        fps=20.0,
    )
    with caplog.at_level(logging.WARNING, logger="latentman.render"):
        conditions = render_conditions(away, camera=CameraConfig(distance=3.0), depth=DEPTH, size=32)
    assert "4 of 4 frames (4 of them are empty)" in caplog.text
    assert not conditions.disparity.any()


def test_a_camera_inside_the_figure_gives_finite_pictures(sequence):
    conditions = render_conditions(sequence, camera=CameraConfig(distance=0.05), depth=DEPTH, size=32)
    assert np.isfinite(conditions.disparity).all()
    assert np.isfinite(conditions.bary).all()


def test_a_small_figure_gives_a_warning_with_its_height(caplog):
    with caplog.at_level(logging.WARNING, logger="latentman.render"):
        render_conditions(walk(distance=9.0), camera=CAMERA, depth=DEPTH, size=128)
    assert "of 128 pixels high" in caplog.text


def test_an_unknown_renderer_is_refused(sequence):
    with pytest.raises(ConfigError, match="renderer='opengl'"):
        render_conditions(sequence, camera=CAMERA, depth=DEPTH, size=32, renderer="opengl")


@pytest.mark.parametrize("distance", [None, 3.0])
def test_orbiting_a_fixed_character_equals_turning_it_in_front_of_a_fixed_camera(distance):
    frames, orbit = 5, 300.0
    body = standing(frames)
    pelvis = body.joints[0, 0].astype(np.float64)
    angle = -np.radians(orbit) * np.linspace(0, 1, frames)
    turn = np.zeros((frames, 3, 3))
    turn[:, 0, 0] = turn[:, 2, 2] = np.cos(angle)
    turn[:, 0, 2], turn[:, 2, 0], turn[:, 1, 1] = np.sin(angle), -np.sin(angle), 1
    turned = displaced(body, *((x - pelvis) @ turn.transpose(0, 2, 1) + pelvis for x in (body.vertices, body.joints)))
    round_it = render_conditions(
        body, camera=CameraConfig(**VIEW, orbit=orbit, distance=distance), depth=BODY_RANGE, size=64
    )
    before_it = render_conditions(turned, camera=CameraConfig(**VIEW, distance=distance), depth=BODY_RANGE, size=64)
    assert round_it.camera_moves
    assert not before_it.camera_moves
    # A pixel centre on an edge may fall to either side of it.
    same = round_it.face == before_it.face
    assert same.mean() > 0.999
    assert len(np.unique(round_it.face)) > 1000
    np.testing.assert_allclose(round_it.depth[same], before_it.depth[same], atol=1e-5)
    np.testing.assert_allclose(round_it.disparity[same], before_it.disparity[same], atol=1e-5)
    assert (np.abs(round_it.iuv[same].astype(int) - before_it.iuv[same]).max(-1) <= 1).mean() > 0.999


def test_following_a_gliding_figure_gives_the_same_picture_in_every_frame():
    """This includes depth, whose range moves with the pelvis as seen from each frame's camera."""
    body = standing(4)
    way = np.arange(4)[:, None, None] * np.array([0.4, 0, 0.9])
    gliding = displaced(body, body.vertices + way, body.joints + way)
    seen = render_conditions(gliding, camera=CameraConfig(**VIEW, follow=1.0), depth=BODY_RANGE, size=64)
    same = seen.face == seen.face[:1]
    assert same.mean() > 0.999
    assert np.abs((seen.disparity - seen.disparity[:1])[same]).max() < 1e-5
    unfollowed = render_conditions(gliding, camera=CameraConfig(**VIEW), depth=BODY_RANGE, size=64)
    assert (unfollowed.face == unfollowed.face[:1]).mean() < 0.99


def test_a_full_orbit_ends_where_it_began():
    seen = render_conditions(standing(4), camera=CameraConfig(**VIEW, orbit=360.0), depth=BODY_RANGE, size=64)
    assert (seen.face[0] == seen.face[3]).mean() > 0.999
    assert (seen.face[0] == seen.face[1]).mean() < 0.9
    assert seen.camera_moves


def test_following_a_character_that_does_not_move_is_a_fixed_camera():
    seen = render_conditions(standing(3), camera=CameraConfig(**VIEW, follow=1.0), depth=BODY_RANGE, size=32)
    assert not seen.camera_moves


def test_conditions_with_a_moving_camera_survive_a_round_trip_through_a_file(moving):
    again = Conditions.from_arrays(moving.arrays())
    assert len(again.cameras) == 4
    for one, other in zip(moving.cameras, again.cameras, strict=True):
        assert one.stands_at(other)
    assert again.camera_moves
    assert not again.cameras[0].stands_at(again.cameras[3], 0.1)


def test_a_file_with_one_camera_uses_it_in_every_frame():
    seen = render_conditions(walk(), camera=CameraConfig(**VIEW), depth=BODY_RANGE, size=32)
    data = seen.arrays()
    assert data["camera_rotation"].shape == (3, 3)
    assert data["camera_intrinsics"].shape == (6,)
    again = Conditions.from_arrays(data)
    assert len(again.cameras) == 4
    assert not again.camera_moves
    assert all(camera.stands_at(seen.cameras[0]) for camera in again.cameras)


def test_a_number_of_cameras_other_than_one_per_frame_is_refused(moving):
    fields = {name: getattr(moving, name) for name in ("depth", "disparity", "iuv", "mask", "face", "bary")}
    with pytest.raises(ShapeError, match=r"conditions\.cameras: expected 4 entries.*got 3"):
        Conditions(**fields, cameras=moving.cameras[:3])


def test_a_shifted_camera_draws_the_same_pictures_elsewhere():
    seen = render_conditions(standing(2), camera=CameraConfig(**VIEW, shift=5.0), depth=BODY_RANGE, size=128)
    here, there = seen.mask
    assert (here[:, :-5] == there[:, 5:]).mean() > 0.999
    assert np.abs(seen.depth[0][:, :-5] - seen.depth[1][:, 5:])[here[:, :-5] & there[:, 5:]].max() < 1e-3
