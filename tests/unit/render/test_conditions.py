import logging

import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.fit import fit_motion
from latentman.body.skinning import forward_kinematics
from latentman.config import BodyConfig, CameraConfig, DepthConfig
from latentman.errors import ConfigError
from latentman.motion.rotations import from_axis_angle
from latentman.render.camera import project, to_camera
from latentman.render.conditions import render_conditions
from latentman.render.pictures import depth_frames, iuv_frames
from latentman.types import Motion

CAMERA = CameraConfig(yfov_deg=47, yaw_deg=20, pitch_deg=4, margin=0.1)
DEPTH = DepthConfig("inverse", "clip", None, 0.3, 0.9)


def walk(distance=0.5, frames=4):
    """Return a body that swings its limbs and moves ``distance`` metres to its left."""
    body = build(BodyConfig("anny", "male"))
    swing = np.sin(np.linspace(0, 3, frames))
    pose = np.zeros((frames, 24, 3))
    pose[:, 1, 0], pose[:, 2, 0] = 0.5 * swing, -0.5 * swing
    pose[:, 16, 2], pose[:, 17, 2] = -1.0, 1.0
    root = np.linspace([0.0, 1, 0], [distance, 1, 0], frames)
    joints = forward_kinematics(body, from_axis_angle(pose), root)[1][:, :22]
    return fit_motion(body, Motion(joints, 20.0, "a person walks", "test"))


@pytest.fixture(scope="module")
def sequence():
    return walk()


@pytest.fixture(scope="module")
def conditions(sequence):
    return render_conditions(sequence, camera=CAMERA, depth=DEPTH, size=96)


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


def test_the_whole_clip_lies_inside_the_margin(sequence, conditions):
    pixels = project(to_camera(sequence.vertices, conditions.cameras[0]), conditions.cameras[0])
    assert pixels.min() >= 9.6 - 1e-6
    assert pixels.max() <= 86.4 + 1e-6
    rows, columns = conditions.mask.any((0, 2)), conditions.mask.any((0, 1))
    for line in (rows, columns):
        assert not line[:9].any()
        assert not line[-9:].any()


def test_each_joint_of_the_limbs_is_seen_where_it_projects(sequence, conditions):
    """A wrist, knee or ankle projects into the silhouette, and the surface lies at most a limb's width before it."""
    points = to_camera(sequence.joints[:, [4, 5, 7, 8, 20, 21]], conditions.cameras[0])
    column, row = np.floor(project(points, conditions.cameras[0])).astype(int).transpose(2, 0, 1)
    frame = np.arange(len(points))[:, None]
    assert conditions.mask[frame, row, column].all()
    assert (conditions.depth[frame, row, column] < points[..., 2] + 0.02).all()


def test_left_parts_are_on_the_right_of_a_picture_from_the_front(conditions):
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


def test_a_camera_that_sees_nobody_at_all_gives_empty_pictures_and_a_warning(caplog):
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


def test_a_small_figure_is_warned_of_with_its_height(caplog):
    with caplog.at_level(logging.WARNING, logger="latentman.render"):
        render_conditions(walk(distance=9.0), camera=CAMERA, depth=DEPTH, size=128)
    assert "of 128 pixels high" in caplog.text


def test_an_unknown_renderer_is_refused(sequence):
    with pytest.raises(ConfigError, match="renderer='opengl'"):
        render_conditions(sequence, camera=CAMERA, depth=DEPTH, size=32, renderer="opengl")


def test_depth_pictures_are_grey_and_black_outside(conditions):
    frames = depth_frames(conditions)
    assert frames.shape == (4, 96, 96, 3)
    assert frames.dtype == np.uint8
    assert (frames[..., 0] == frames[..., 2]).all()
    assert ((frames[..., 0] > 0) == conditions.mask).all()
    assert frames.max() == round(255 * 0.9)


def test_iuv_pictures_tell_parts_apart_and_are_black_outside(conditions):
    frames = iuv_frames(conditions)
    assert not frames[~conditions.mask].any()
    assert frames[conditions.mask].max(-1).min() > 60
    mean = {part: frames[conditions.iuv[..., 0] == part].mean(0) for part in np.unique(conditions.iuv[..., 0])[1:]}
    for left, right in ((10, 9), (14, 13), (24, 23), (5, 6)):
        assert np.abs(mean[left] - mean[right]).max() > 40
