"""A camera that goes round the character and along with it: where it stands, and what is seen from there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.config import CameraConfig, DepthConfig
from latentman.errors import ConfigError, DataError, ShapeError
from latentman.metrics.flicker import background_flicker
from latentman.render.camera import look_at, place_cameras, project, smooth_path, to_camera, to_cameras
from latentman.render.conditions import render_conditions
from latentman.types import BodySequence, Conditions

from .test_conditions import walk

VIEW = {"yfov_deg": 47.0, "yaw_deg": 30.0, "pitch_deg": 4.0, "margin": 0.1}
DEPTH = DepthConfig("inverse", "body", None, 0.3, 0.9)


def clip_of(vertices, pelvis, fps=10.0):
    """A mesh of points: vertices (T, V, 3), pelvis (T, 3)."""
    return BodySequence(
        vertices=vertices,
        faces=np.array([[0, 1, 2]]),
        joints=np.repeat(np.asarray(pelvis, float)[:, None], 22, axis=1),
        part=np.array([1]),
        corner_uv=np.zeros((1, 3, 2)),
        fps=fps,
    )


def strolling(seed, frames=5):
    """A cloud of points that wanders about."""
    rng = np.random.default_rng(seed)
    way = rng.normal(0, 4, 3) + np.cumsum(rng.normal(0, 0.7, (frames, 3)), axis=0)
    return clip_of(way[:, None] + rng.normal(size=(frames, 30, 3)) * rng.uniform(0.1, 1.5, 3), way)


def straight(frames=6, step=(0.3, 0.0, 0.4)):
    """Points that glide along a straight line at constant speed, the pelvis in their middle."""
    way = np.arange(frames)[:, None] * np.array(step) + (2.0, 1.0, -3.0)
    return clip_of(way[:, None] + np.random.default_rng(1).normal(0, 0.4, (20, 3)), way)


def standing(frames):
    still = walk(frames=1)
    return BodySequence(
        np.repeat(still.vertices, frames, 0), still.faces, np.repeat(still.joints, frames, 0), still.part,
        still.corner_uv, 10.0,
    )  # fmt: skip


def displaced(body, vertices, joints):
    return BodySequence(vertices, body.faces, joints, body.part, body.corner_uv, body.fps)


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
def test_every_vertex_of_every_frame_lies_inside_the_margin_of_its_picture(
    seed, margin, yfov, yaw, pitch, orbit, follow
):
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
def test_no_nearer_camera_that_moves_so_keeps_the_margin(seed, orbit, follow):
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
def test_orbit_alone_is_a_circle_at_one_height_round_the_character(distance):
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
def test_a_camera_that_follows_fully_keeps_a_straight_walker_in_one_place(orbit, distance):
    body = straight()
    cameras = place_cameras(body, CameraConfig(**VIEW, orbit=orbit, follow=1.0, distance=distance), 64)
    pelvis = to_cameras(body.joints[:, 0], cameras)
    np.testing.assert_allclose(pelvis, np.repeat(pelvis[:1], 6, 0), atol=1e-9)
    if distance is not None:
        np.testing.assert_allclose(pelvis, [[0, 0, distance]] * 6, atol=1e-9)


@pytest.mark.parametrize("follow", [0.25, 0.5])
def test_a_share_of_follow_is_that_share_of_the_way(follow):
    body = straight()
    cameras = place_cameras(body, CameraConfig(**VIEW, follow=follow), 64)
    moved = np.diff([position(camera) for camera in cameras], axis=0)
    np.testing.assert_allclose(moved, [[follow * 0.3, 0, follow * 0.4]] * 5, atol=1e-9)


def test_following_does_not_climb_with_the_character():
    body = straight(step=(0.1, 0.5, 0.0))
    places = np.array([position(c) for c in place_cameras(body, CameraConfig(**VIEW, follow=1.0), 64)])
    np.testing.assert_allclose(places[:, 1], places[0, 1], atol=1e-12)


def slow_smooth(path, fps):
    """The same minimum as a least-squares problem, its rows written one by one."""
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
def test_a_straight_path_stays_itself_up_to_its_ends(fps):
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


@pytest.mark.parametrize("distance", [None, 3.0])
def test_going_round_a_character_that_stands_is_what_its_turning_looks_like_to_a_camera_that_stands(distance):
    frames, orbit = 5, 300.0
    body = standing(frames)
    pelvis = body.joints[0, 0].astype(np.float64)
    angle = -np.radians(orbit) * np.linspace(0, 1, frames)
    turn = np.zeros((frames, 3, 3))
    turn[:, 0, 0] = turn[:, 2, 2] = np.cos(angle)
    turn[:, 0, 2], turn[:, 2, 0], turn[:, 1, 1] = np.sin(angle), -np.sin(angle), 1
    turned = displaced(body, *((x - pelvis) @ turn.transpose(0, 2, 1) + pelvis for x in (body.vertices, body.joints)))
    round_it = render_conditions(
        body, camera=CameraConfig(**VIEW, orbit=orbit, distance=distance), depth=DEPTH, size=64
    )
    before_it = render_conditions(turned, camera=CameraConfig(**VIEW, distance=distance), depth=DEPTH, size=64)
    assert round_it.camera_moves
    assert not before_it.camera_moves
    # A pixel centre that lies on an edge may fall to either side of it.
    same = round_it.face == before_it.face
    assert same.mean() > 0.999
    assert len(np.unique(round_it.face)) > 1000
    np.testing.assert_allclose(round_it.depth[same], before_it.depth[same], atol=1e-5)
    np.testing.assert_allclose(round_it.disparity[same], before_it.disparity[same], atol=1e-5)
    assert (np.abs(round_it.iuv[same].astype(int) - before_it.iuv[same]).max(-1) <= 1).mean() > 0.999


def test_a_figure_that_glides_and_is_followed_gives_the_same_picture_in_every_frame():
    """Depth too: its range moves with the pelvis, seen from each frame's camera."""
    body = standing(4)
    way = np.arange(4)[:, None, None] * np.array([0.4, 0, 0.9])
    gliding = displaced(body, body.vertices + way, body.joints + way)
    seen = render_conditions(gliding, camera=CameraConfig(**VIEW, follow=1.0), depth=DEPTH, size=64)
    same = seen.face == seen.face[:1]
    assert same.mean() > 0.999
    assert np.abs((seen.disparity - seen.disparity[:1])[same]).max() < 1e-5
    unfollowed = render_conditions(gliding, camera=CameraConfig(**VIEW), depth=DEPTH, size=64)
    assert (unfollowed.face == unfollowed.face[:1]).mean() < 0.99


def test_a_full_round_ends_where_it_began():
    seen = render_conditions(standing(4), camera=CameraConfig(**VIEW, orbit=360.0), depth=DEPTH, size=64)
    assert (seen.face[0] == seen.face[3]).mean() > 0.999
    assert (seen.face[0] == seen.face[1]).mean() < 0.9
    assert seen.camera_moves


def test_following_somebody_who_stays_is_standing_still():
    seen = render_conditions(standing(3), camera=CameraConfig(**VIEW, follow=1.0), depth=DEPTH, size=32)
    assert not seen.camera_moves


@pytest.fixture(scope="module")
def moving():
    return render_conditions(walk(), camera=CameraConfig(**VIEW, orbit=40.0, follow=0.5), depth=DEPTH, size=48)


def test_conditions_with_a_camera_that_moves_survive_their_file(moving):
    again = Conditions.from_arrays(moving.arrays())
    assert len(again.cameras) == 4
    for one, other in zip(moving.cameras, again.cameras, strict=True):
        assert one.stands_at(other)
    assert again.camera_moves
    assert not again.cameras[0].stands_at(again.cameras[3], 0.1)


def test_a_file_with_one_camera_has_it_in_every_frame():
    seen = render_conditions(walk(), camera=CameraConfig(**VIEW), depth=DEPTH, size=32)
    data = seen.arrays()
    assert data["camera_rotation"].shape == (3, 3)
    assert data["camera_intrinsics"].shape == (6,)
    again = Conditions.from_arrays(data)
    assert len(again.cameras) == 4
    assert not again.camera_moves
    assert all(camera.stands_at(seen.cameras[0]) for camera in again.cameras)


def test_cameras_that_are_not_one_for_each_frame_are_refused(moving):
    fields = {name: getattr(moving, name) for name in ("depth", "disparity", "iuv", "mask", "face", "bary")}
    with pytest.raises(ShapeError, match=r"conditions\.cameras: expected 4 entries.*got 3"):
        Conditions(**fields, cameras=moving.cameras[:3])


def test_background_flicker_has_no_value_where_the_camera_moves(moving):
    frames = np.random.default_rng(0).integers(0, 256, (*moving.mask.shape, 3), dtype=np.uint8)
    score = background_flicker(frames, moving.mask, camera_moves=moving.camera_moves)
    assert score.value is None
    assert "camera moves" in score.reason
    assert score.unit == "levels (0..255)"
    still = render_conditions(walk(), camera=CameraConfig(**VIEW), depth=DEPTH, size=48)
    assert background_flicker(frames, still.mask, camera_moves=still.camera_moves).value > 50
    with pytest.raises(ShapeError, match="background_flicker"):
        background_flicker(frames[:2], moving.mask)


@pytest.mark.parametrize("follow", [0.0, 0.4])
def test_a_clip_of_one_frame_is_seen_from_yaw_deg(follow):
    body = strolling(8, frames=1)
    (camera,) = place_cameras(body, CameraConfig(**VIEW, orbit=90.0, follow=follow), 64)
    (standing_camera,) = place_cameras(body, CameraConfig(**VIEW), 64)
    assert camera.stands_at(standing_camera, 1e-9)


def test_a_clip_of_one_point_is_refused_by_a_moving_camera_too():
    with pytest.raises(DataError, match="one point"):
        place_cameras(clip_of(np.ones((3, 3, 3)), np.ones((3, 3))), CameraConfig(**VIEW, orbit=10.0), 32)


@pytest.mark.parametrize(
    ("key", "value"),
    [("orbit", x) for x in (float("nan"), float("inf"), -3600.5, 4000.0)]
    + [("follow", x) for x in (float("nan"), float("inf"), -0.01, 1.01)],
)
def test_values_without_meaning_are_refused_with_their_key(key, value):
    with pytest.raises(ConfigError, match=f"camera.{key}="):
        CameraConfig(**{key: value})


def test_a_shifted_camera_moves_every_picture_by_whole_pixels_and_changes_nothing_else():
    clip, plain = standing(3), CameraConfig(**VIEW)
    (there, *_) = place_cameras(clip, plain, 128)
    for index, camera in enumerate(place_cameras(clip, replace(plain, shift=5.0), 128)):
        assert np.array_equal(camera.rotation, there.rotation)
        assert np.array_equal(camera.translation, there.translation)
        assert (camera.cx - there.cx, camera.cy - there.cy) == (5.0 * index, 0.0)


def test_a_shifted_camera_draws_the_same_pictures_elsewhere():
    seen = render_conditions(standing(2), camera=CameraConfig(**VIEW, shift=5.0), depth=DEPTH, size=128)
    here, there = seen.mask
    assert (here[:, :-5] == there[:, 5:]).mean() > 0.999
    assert np.abs(seen.depth[0][:, :-5] - seen.depth[1][:, 5:])[here[:, :-5] & there[:, 5:]].max() < 1e-3


@pytest.mark.parametrize("shift", [1001.0, -1001.0])
def test_a_shift_out_of_every_picture_is_refused(shift):
    with pytest.raises(ConfigError, match=r"camera\.shift"):
        CameraConfig(shift=shift)


def test_a_camera_without_shift_depends_on_what_it_did_before_there_was_one():
    assert "shift" not in CameraConfig().result()
    assert CameraConfig(shift=3.0).result()["shift"] == 3.0
