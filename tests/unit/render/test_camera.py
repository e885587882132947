import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.config import CameraConfig
from latentman.errors import DataError
from latentman.render.camera import frame_clip, look_at, place_cameras, project, to_camera
from latentman.types import BodySequence

angles = {"yfov_deg": st.floats(10, 100), "yaw_deg": st.floats(-180, 180), "pitch_deg": st.floats(-80, 80)}
seeds = st.integers(0, 10**6)


def cloud(seed, frames=3, points=40):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(frames, points, 3)) * generator.uniform(0.1, 2, 3) + generator.normal(0, 5, 3)


@given(seed=seeds, margin=st.floats(0, 0.4), **angles)
def test_every_vertex_of_every_frame_lies_inside_the_margin(seed, margin, **view):
    vertices = cloud(seed)
    camera = frame_clip(vertices, size=200, margin=margin, **view)
    points = to_camera(vertices, camera)
    pixels = project(points, camera)
    assert points[..., 2].min() > 0
    assert pixels.min() >= 200 * margin - 1e-6
    assert pixels.max() <= 200 * (1 - margin) + 1e-6


@given(seed=seeds, margin=st.floats(0, 0.4), **angles)
def test_no_nearer_camera_of_the_same_direction_keeps_the_margin(seed, margin, **view):
    vertices = cloud(seed)
    camera = frame_clip(vertices, size=200, margin=margin, **view)
    points = to_camera(vertices, camera)
    slope = (100 - 200 * margin) / camera.fx
    nearer = points[..., 2] - 1e-4
    # Whatever its place across the view, a frustum 0.1 mm nearer is too narrow for the figure.
    room = [
        ((points[..., axis] + slope * nearer).min() - (points[..., axis] - slope * nearer).max()) for axis in (0, 1)
    ]
    assert min(room) < 0


def test_the_figure_touches_the_margin_on_two_opposite_sides():
    vertices = cloud(5)
    camera = frame_clip(vertices, size=200, yfov_deg=40, yaw_deg=20, pitch_deg=5, margin=0.1)
    pixels = project(to_camera(vertices, camera), camera).reshape(-1, 2)
    touched = np.isclose(pixels.min(0), 20) & np.isclose(pixels.max(0), 180)
    assert touched.any()


def test_a_scaled_and_shifted_clip_gives_the_same_picture():
    vertices = cloud(6)
    view = {"size": 100, "yfov_deg": 47, "yaw_deg": 20, "pitch_deg": 4, "margin": 0.1}
    first, second = frame_clip(vertices, **view), frame_clip(vertices * 3 + 7, **view)
    pixels = project(to_camera(vertices, first), first)
    assert np.allclose(project(to_camera(vertices * 3 + 7, second), second), pixels)


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "forward"),
    [(0, 0, (0, 0, -1)), (90, 0, (-1, 0, 0)), (180, 0, (0, 0, 1)), (0, 90, (0, -1, 0))],
)
def test_yaw_goes_round_to_the_characters_left_and_pitch_looks_down(yaw_deg, pitch_deg, forward):
    camera = look_at(np.zeros(3), distance=2, size=10, yfov_deg=40, yaw_deg=yaw_deg, pitch_deg=pitch_deg)
    assert np.allclose(camera.rotation[2], forward, atol=1e-12)
    assert np.allclose(camera.rotation @ camera.rotation.T, np.eye(3))
    assert np.linalg.det(camera.rotation) == pytest.approx(1)


def test_from_the_front_up_is_up_and_the_characters_left_is_on_the_right_of_the_picture():
    camera = look_at(np.zeros(3), distance=3, size=100, yfov_deg=40, yaw_deg=0, pitch_deg=0)
    head, left_hand = project(to_camera(np.array([[0, 0.5, 0], [0.5, 0, 0]]), camera), camera)
    assert head[1] < 50
    assert left_hand[0] > 50


def test_look_at_has_its_target_in_the_middle_at_the_given_distance():
    target = np.array([1.0, 2.0, 3.0])
    camera = look_at(target, distance=2.5, size=64, yfov_deg=47, yaw_deg=33, pitch_deg=-12)
    assert np.allclose(to_camera(target, camera), [0, 0, 2.5])
    assert np.allclose(project(to_camera(target, camera), camera), 32)


def test_a_given_distance_is_measured_from_the_first_frames_pelvis():
    joints = np.random.default_rng(0).normal(size=(2, 24, 3)).astype(np.float32)
    sequence = BodySequence(
        vertices=np.zeros((2, 3, 3), np.float32),
        faces=np.array([[0, 1, 2]]),
        joints=joints,
        part=np.array([1]),
        corner_uv=np.zeros((1, 3, 2)),
        fps=20.0,
    )
    camera = place_cameras(sequence, CameraConfig(distance=4.0, yaw_deg=70), 32)[0]
    assert np.allclose(to_camera(joints[0, 0], camera), [0, 0, 4])


def test_a_clip_of_one_point_is_refused():
    with pytest.raises(DataError, match="one point"):
        frame_clip(np.ones((2, 5, 3)), size=64, yfov_deg=40, yaw_deg=0, pitch_deg=0, margin=0.1)
