from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.config import CameraConfig, WaypointConfig
from latentman.engine.compose import compose
from latentman.errors import ConfigError, DataError
from latentman.render.camera import (
    NEAREST_M,
    frame_clip,
    look_at,
    place_cameras,
    project,
    smooth_path,
    to_camera,
    to_cameras,
    views_of_frames,
)
from latentman.types import BodySequence
from tests.factories.bodies import clip_of, standing, straight, strolling
from tests.factories.views import VIEW

angles = {"yfov_deg": st.floats(10, 100), "yaw_deg": st.floats(-180, 180), "pitch_deg": st.floats(-80, 80)}
seeds = st.integers(0, 10**6)


def cloud(seed, frames=3, points=40):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(frames, points, 3)) * generator.uniform(0.1, 2, 3) + generator.normal(0, 5, 3)


@given(seed=seeds, margin=st.floats(0, 0.4), **angles)
def test_every_vertex_of_every_frame_is_inside_the_margin(seed, margin, **view):
    vertices = cloud(seed)
    camera = frame_clip(vertices, size=200, margin=margin, **view)
    points = to_camera(vertices, camera)
    pixels = project(points, camera)
    assert points[..., 2].min() > 0
    assert pixels.min() >= 200 * margin - 1e-6
    assert pixels.max() <= 200 * (1 - margin) + 1e-6


@given(seed=seeds, margin=st.floats(0, 0.4), **angles)
def test_no_nearer_camera_with_the_same_direction_keeps_the_margin(seed, margin, **view):
    vertices = cloud(seed)
    camera = frame_clip(vertices, size=200, margin=margin, **view)
    points = to_camera(vertices, camera)
    slope = (100 - 200 * margin) / camera.fx
    nearer = points[..., 2] - 1e-4
    # Wherever it is moved sideways, a frustum 0.1 mm nearer is too narrow for the figure.
    room = [
        ((points[..., axis] + slope * nearer).min() - (points[..., axis] - slope * nearer).max()) for axis in (0, 1)
    ]
    is_held_back = points[..., 2].min() < NEAREST_M + 1e-9  # the other bound: no vertex at the lens
    assert min(room) < 0 or is_held_back


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
def test_yaw_orbits_to_the_characters_left_and_pitch_looks_down(yaw_deg, pitch_deg, forward):
    camera = look_at(np.zeros(3), distance=2, size=10, yfov_deg=40, yaw_deg=yaw_deg, pitch_deg=pitch_deg)
    assert np.allclose(camera.rotation[2], forward, atol=1e-12)
    assert np.allclose(camera.rotation @ camera.rotation.T, np.eye(3))
    assert np.linalg.det(camera.rotation) == pytest.approx(1)


def test_in_the_front_view_up_is_up_and_the_characters_left_is_on_the_right():
    camera = look_at(np.zeros(3), distance=3, size=100, yfov_deg=40, yaw_deg=0, pitch_deg=0)
    head, left_hand = project(to_camera(np.array([[0, 0.5, 0], [0.5, 0, 0]]), camera), camera)
    assert head[1] < 50
    assert left_hand[0] > 50


def test_look_at_centres_its_target_at_the_given_distance():
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


def test_a_clip_of_a_single_point_is_refused():
    with pytest.raises(DataError, match="the same point"):
        frame_clip(np.ones((2, 5, 3)), size=64, yfov_deg=40, yaw_deg=0, pitch_deg=0, margin=0.1)


def position(camera):
    return -camera.rotation.T @ camera.translation


@given(
    seed=st.integers(0, 10**6),
    margin=st.floats(0, 0.4),
    yfov=st.floats(10, 100),
    yaw=st.floats(-180, 180),
    pitch=st.floats(-80, 80),
    orbit=st.floats(-720, 720),
    follow=st.floats(0, 1),
)
def test_every_vertex_of_every_frame_is_inside_the_margin_of_its_picture(seed, margin, yfov, yaw, pitch, orbit, follow):
    body = strolling(seed)
    config = CameraConfig(yfov, yaw, pitch, margin, orbit=orbit, follow=follow)
    pixels, depth = [], []
    for vertices, camera in zip(body.vertices, place_cameras(body, config, 200), strict=True):
        points = to_camera(vertices, camera)
        pixels.append(project(points, camera))
        depth.append(points[:, 2])
    assert np.min(depth) > 0
    assert np.min(pixels) >= 200 * margin - 1e-6
    assert np.max(pixels) <= 200 * (1 - margin) + 1e-6


@given(seed=st.integers(0, 10**6), orbit=st.floats(-400, 400), follow=st.floats(0, 1))
def test_no_nearer_camera_with_the_same_motion_keeps_the_margin(seed, orbit, follow):
    body = strolling(seed)
    cameras = place_cameras(body, CameraConfig(**VIEW, orbit=orbit, follow=follow), 200)
    points = to_cameras(body.vertices, cameras)
    slope = (100 - 200 * VIEW["margin"]) / cameras[0].fx
    nearer = points[..., 2] - 1e-4
    room = [(points[..., axis] + slope * nearer).min() - (points[..., axis] - slope * nearer).max() for axis in (0, 1)]
    assert min(room) < 0


def test_a_camera_without_orbit_and_follow_is_one_object_in_every_frame():
    cameras = place_cameras(strolling(3), CameraConfig(**VIEW), 64)
    assert all(camera is cameras[0] for camera in cameras)


@pytest.mark.parametrize("distance", [None, 4.0])
@pytest.mark.parametrize("orbit", [90.0, -30.0, 720.0])
def test_orbit_turns_the_view_at_constant_speed_from_yaw_deg_over_the_whole_angle(orbit, distance):
    body = strolling(4)
    cameras = place_cameras(body, CameraConfig(**VIEW, orbit=orbit, distance=distance), 64)
    for i, camera in enumerate(cameras):
        yaw = VIEW["yaw_deg"] + orbit * i / 4
        expected = look_at(np.zeros(3), distance=1, size=64, yfov_deg=47, yaw_deg=yaw, pitch_deg=4)
        np.testing.assert_allclose(camera.rotation, expected.rotation, atol=1e-12)


@pytest.mark.parametrize("distance", [None, 4.0])
def test_orbit_alone_is_a_circle_around_the_character_at_constant_height(distance):
    body = strolling(5)
    pelvis = body.joints[:, 0]
    middle = pelvis[0] if distance else (pelvis.min(0) + pelvis.max(0)) / 2
    cameras = place_cameras(body, CameraConfig(**VIEW, orbit=100.0, distance=distance), 64)
    places = np.array([position(camera) for camera in cameras])
    radius = np.hypot(*(places - middle)[:, [0, 2]].T)
    np.testing.assert_allclose(radius, radius[0])
    np.testing.assert_allclose(places[:, 1], places[0, 1])


def test_a_given_distance_holds_in_every_frame_of_an_orbit():
    body = strolling(6)
    for camera in place_cameras(body, CameraConfig(**VIEW, orbit=200.0, distance=4.0), 32):
        np.testing.assert_allclose(to_camera(body.joints[0, 0], camera), [0, 0, 4], atol=1e-9)


@pytest.mark.parametrize("orbit", [0.0, 70.0])
@pytest.mark.parametrize("distance", [None, 4.0])
def test_a_camera_that_follows_fully_keeps_a_straight_walker_fixed_in_the_picture(orbit, distance):
    body = straight()
    cameras = place_cameras(body, CameraConfig(**VIEW, orbit=orbit, follow=1.0, distance=distance), 64)
    pelvis = to_cameras(body.joints[:, 0], cameras)
    np.testing.assert_allclose(pelvis, np.repeat(pelvis[:1], 6, 0), atol=1e-9)
    if distance is not None:
        np.testing.assert_allclose(pelvis, [[0, 0, distance]] * 6, atol=1e-9)


@pytest.mark.parametrize("follow", [0.25, 0.5])
def test_partial_follow_moves_by_that_share_of_the_path(follow):
    body = straight()
    cameras = place_cameras(body, CameraConfig(**VIEW, follow=follow), 64)
    moved = np.diff([position(camera) for camera in cameras], axis=0)
    np.testing.assert_allclose(moved, [[follow * 0.3, 0, follow * 0.4]] * 5, atol=1e-9)


def test_following_does_not_climb_with_the_character():
    body = straight(step=(0.1, 0.5, 0.0))
    places = np.array([position(c) for c in place_cameras(body, CameraConfig(**VIEW, follow=1.0), 64)])
    np.testing.assert_allclose(places[:, 1], places[0, 1], atol=1e-12)


def slow_smooth(path, fps):
    """The same minimum as a least-squares problem, with explicit rows."""
    weight = (2 - 2 * np.cos(2 * np.pi * 0.5 / fps)) ** -2
    rows, right = list(np.eye(len(path))), list(path)
    for i in range(1, len(path) - 1):
        row = np.zeros(len(path))
        row[i - 1 : i + 2] = np.array([1, -2, 1]) * np.sqrt(weight)
        rows.append(row)
        right.append(np.zeros(path.shape[1]))
    return np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 20), fps=st.sampled_from([5.0, 10.0, 22.2, 30.0]))
def test_the_smoothed_path_is_the_least_squares_solution(seed, frames, fps):
    path = np.random.default_rng(seed).normal(size=(frames, 2))
    np.testing.assert_allclose(smooth_path(path, fps), slow_smooth(path, fps), atol=1e-6)


@pytest.mark.parametrize("fps", [0.5, 5.0, 10.0, 30.0])
def test_a_straight_path_is_unchanged_up_to_its_ends(fps):
    path = np.arange(9)[:, None] * np.array([0.1, -0.4]) + 3
    np.testing.assert_allclose(smooth_path(path, fps), path, atol=1e-8)


@pytest.mark.parametrize("fps", [10.0, 20.0])
def test_the_sway_of_steps_does_not_reach_the_camera(fps):
    time = np.arange(int(6 * fps)) / fps
    sway = 0.03 * np.sin(2 * np.pi * time)
    smoothed = smooth_path(np.stack([sway, 1.2 * time + 0.5 * sway], 1), fps)
    inside = slice(int(fps), -int(fps))
    assert np.abs(smoothed[inside, 0]).max() < 0.03 / 12
    np.testing.assert_allclose(smoothed[inside, 1], 1.2 * time[inside], atol=0.015 / 12)


@pytest.mark.parametrize("follow", [0.0, 0.4])
def test_a_clip_of_one_frame_is_seen_from_yaw_deg(follow):
    body = strolling(8, frames=1)
    (camera,) = place_cameras(body, CameraConfig(**VIEW, orbit=90.0, follow=follow), 64)
    (standing_camera,) = place_cameras(body, CameraConfig(**VIEW), 64)
    assert camera.stands_at(standing_camera, 1e-9)


def test_a_moving_camera_also_refuses_a_clip_of_a_single_point():
    with pytest.raises(DataError, match="the same point"):
        place_cameras(clip_of(np.ones((3, 3, 3)), np.ones((3, 3))), CameraConfig(**VIEW, orbit=10.0), 32)


@pytest.mark.parametrize(
    ("key", "value"),
    [("orbit", x) for x in (float("nan"), float("inf"), -3600.5, 4000.0)]
    + [("follow", x) for x in (float("nan"), float("inf"), -0.01, 1.01)],
)
def test_invalid_values_are_refused_with_their_key(key, value):
    with pytest.raises(ConfigError, match=f"camera.{key}="):
        CameraConfig(**{key: value})


def test_a_shifted_camera_moves_every_picture_by_whole_pixels_and_changes_nothing_else():
    clip, plain = standing(3), CameraConfig(**VIEW)
    (there, *_) = place_cameras(clip, plain, 128)
    for index, camera in enumerate(place_cameras(clip, replace(plain, shift=5.0), 128)):
        assert np.array_equal(camera.rotation, there.rotation)
        assert np.array_equal(camera.translation, there.translation)
        assert (camera.cx - there.cx, camera.cy - there.cy) == (5.0 * index, 0.0)


@pytest.mark.parametrize("shift", [1001.0, -1001.0])
def test_a_shift_out_of_every_picture_is_refused(shift):
    with pytest.raises(ConfigError, match=r"camera\.shift"):
        CameraConfig(shift=shift)


def test_a_camera_without_shift_keeps_its_dependencies_from_before_shift_existed():
    assert "shift" not in CameraConfig().result()
    assert CameraConfig(shift=3.0).result()["shift"] == 3.0


def waypoints(*points):
    return [WaypointConfig(**point) for point in points]


def test_a_path_of_two_waypoints_at_constant_speed_is_an_orbit():
    clip = strolling(3)
    path = CameraConfig(yaw_deg=20, path=waypoints({"at": 0}, {"at": 1, "yaw": 60}))
    for ours, orbit in zip(
        place_cameras(clip, path, 64), place_cameras(clip, CameraConfig(yaw_deg=20, orbit=40), 64), strict=True
    ):
        np.testing.assert_allclose(ours.rotation, orbit.rotation, atol=1e-12)
        np.testing.assert_allclose(ours.translation, orbit.translation, atol=1e-12)


def test_a_path_goes_through_its_waypoints_never_overshoots_and_waits_at_its_ends():
    points = waypoints(
        {"at": 0.25, "yaw": 10}, {"at": 0.5, "yaw": 50, "pitch": 30}, {"at": 0.75, "yaw": 50, "dolly": 0.5}
    )
    yaw, pitch, dolly = views_of_frames(CameraConfig(pitch_deg=5, path=points), 41).T
    assert [(yaw[i], pitch[i], dolly[i]) for i in (10, 20, 30)] == [(10, 5, 1), (50, 30, 1), (50, 5, 0.5)]
    assert set(yaw[:10]) == {10}
    assert set(dolly[30:]) == {0.5}
    assert (np.diff(yaw) >= 0).all()
    assert yaw.max() == 50


def test_a_dolly_divides_the_distance_and_keeps_the_direction():
    clip = strolling(3)
    path = CameraConfig(distance=4.0, path=waypoints({"at": 0, "dolly": 1.0}, {"at": 1, "dolly": 0.5}))
    cameras = place_cameras(clip, path, 64)
    pelvis = to_cameras(clip.joints[:1, 0][[0, 0]], (cameras[0], cameras[-1]))
    np.testing.assert_allclose(pelvis, [[0, 0, 4], [0, 0, 2]], atol=1e-6)


@pytest.mark.parametrize(
    ("path", "more", "message"),
    [
        ("[{at: 0}]", [], r"camera\.path has one waypoint"),
        ("[{at: 0.5}, {at: 0.5}]", [], r"waypoints at \[0\.5, 0\.5\]: they must be in order, from 0 to 1"),
        ("[{at: 0}, {at: 2}]", [], r"waypoints at \[0\.0, 2\.0\]"),
        ("[{at: 0}, {at: 1, pitch: 90}]", [], r"camera\.path\[1\]\.pitch=90\.0 must be between -89 and 89"),
        ("[{at: 0}, {at: 1, dolly: 0}]", [], r"camera\.path\[1\]\.dolly=0\.0 must be between 0\.1 and 10"),
        ("[{at: 0}, {yaw: 3}]", [], r"camera\.path\[1\]\.at has no value"),
        ("[{at: 0}, {at: 1}]", ["camera.orbit=20"], r"camera\.orbit=20\.0 and camera\.path both turn the camera"),
        ("[{at: 0}, {at: 1}]", ["background=steady"], r"background=steady keeps.*camera\.path"),
    ],
)  # fmt: skip
def test_a_path_that_cannot_be_is_refused(path, more, message):
    with pytest.raises(ConfigError, match=message):
        compose([f"camera.path={path}", *more])


def test_without_a_path_a_run_is_the_same_as_before_there_were_paths():
    assert "path" not in CameraConfig().result()
    assert "path" in CameraConfig(path=waypoints({"at": 0}, {"at": 1})).result()
