"""The scene: where its planes are, what a ray meets, how it drifts, and who must be inside."""

import math

import numpy as np
import pytest

from latentman.config import CameraConfig, DepthConfig, DriftConfig, SceneConfig
from latentman.errors import ConfigError, DataError, ShapeError
from latentman.render.camera import look_at, place_cameras
from latentman.render.conditions import render_conditions
from latentman.render.depth import encode_background, encode_depth
from latentman.render.scene import SKY, build_scene, cast, earlier, find_in, scene_depth
from latentman.types import Conditions, Scene
from tests.factories.bodies import walk
from tests.factories.scenes import SIDE, clip_in, shoot, stroll
from tests.factories.views import VIEW

LEVEL = CameraConfig(yfov_deg=60.0, yaw_deg=0.0, pitch_deg=0.0, distance=4.0)


def scene_of(name="room", camera=LEVEL, **settings):
    body = stroll(2, step=0.0)
    cameras = place_cameras(body, camera, SIDE)
    return build_scene(body, cameras, SceneConfig(name, **settings)), cameras[0]


def test_no_scene_is_the_default():
    assert build_scene(stroll(2), place_cameras(stroll(2), LEVEL, SIDE), SceneConfig()) is None


@pytest.mark.parametrize("name", ["floor", "room"])
def test_every_ray_ends_where_one_that_is_cast_alone_does(name):
    conditions = clip_in(name, orbit=50.0)
    pixels = np.argwhere(np.ones((SIDE, SIDE))).astype(float)
    for camera in (conditions.cameras[0], conditions.cameras[-1]):
        hits = cast(conditions.scene, camera, pixels)
        for k in range(0, len(pixels), 7):
            surface, depth, point = shoot(conditions.scene, camera, *pixels[k])
            assert hits.surface[k] == (SKY if surface is None else surface)
            assert hits.depth[k] == pytest.approx(depth)
            np.testing.assert_allclose(hits.point[k], [*point, surface is not None], atol=1e-9)


def test_a_level_camera_sees_the_floor_below_the_horizon_and_the_sky_above():
    scene, camera = scene_of("floor")
    depth = scene_depth(scene, [camera])[0]
    assert np.isinf(depth[: SIDE // 2]).all()
    # The eye is at the height of the pelvis, 1 m above the lowest vertex.
    row = SIDE - 1
    assert depth[row] == pytest.approx(camera.fy / (row + 0.5 - camera.cy), rel=1e-5)


def test_the_walls_of_a_room_are_half_its_side_from_the_middle_of_the_path():
    scene, camera = scene_of(size=12.0)
    hits = cast(scene, camera, np.array([[SIDE / 2 - 0.5, SIDE / 2 - 0.5]]))
    assert hits.point[0, 2] == pytest.approx(-6.0)
    assert hits.depth[0] == pytest.approx(10.0)
    turned, _ = scene_of(size=12.0, yaw_deg=45.0)
    assert cast(turned, camera, np.array([[SIDE / 2 - 0.5, SIDE / 2 - 0.5]])).depth[0] == pytest.approx(
        4 + 6 * math.sqrt(2), rel=0.02
    )


def test_a_room_without_a_size_holds_cameras_and_characters():
    body = stroll(5, step=3.0)
    cameras = place_cameras(body, CameraConfig(**VIEW, orbit=90.0), SIDE)
    scene = build_scene(body, cameras, SceneConfig("room"))
    eyes = np.array([-camera.rotation.T @ camera.translation for camera in cameras])
    for points in (eyes, body.vertices.reshape(-1, 3)):
        assert (points @ scene.planes[:, :3].T + scene.planes[:, 3] >= -1e-9).all()


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (7.0, r"walls are 3.50 m from .* in frame 0 the camera is 4.00 m away from it: use scene.size=8.1 or"),
        (0.5, "in frame 0 the camera is 4.00 m away"),
    ],
)
def test_a_room_that_does_not_hold_the_camera_is_refused(size, message):
    with pytest.raises(ConfigError, match=message):
        scene_of(size=size)
    assert scene_of(size=8.1)[0] is not None


def test_a_room_that_is_smaller_than_the_path_is_refused():
    body = stroll(5, step=3.0)
    camera = look_at(body.joints[2, 0], distance=4.0, size=SIDE, yfov_deg=60.0, yaw_deg=0.0, pitch_deg=0.0)
    with pytest.raises(ConfigError, match=r"scene.size=10.0: .*in frame . a character is 6.40 m away .*scene.size="):
        build_scene(body, [camera] * 5, SceneConfig("room", 10.0))


@pytest.mark.parametrize("name", ["floor", "room"])
def test_a_camera_below_the_floor_is_refused(name):
    with pytest.raises(ConfigError, match=rf"scene={name}: the camera of frame 0 is -1.00 m above the floor.*pitch"):
        scene_of(name, CameraConfig(yfov_deg=60.0, pitch_deg=-30.0, distance=4.0))


@pytest.mark.parametrize("kind", ["sky", "walls"])
def test_drifts_go_to_the_right_of_the_picture_as_time_passes(kind):
    name, drift = ("floor", DriftConfig(sky=10.0)) if kind == "sky" else ("room", DriftConfig(walls=2.0))
    scene, camera = scene_of(name, drift=drift)
    above = np.array([[4.0, 16.0], [4.0, 20.0]])
    before, known = find_in(scene, camera, earlier(scene, cast(scene, camera, above), 3))
    assert known.all()
    assert (before[:, 1] < above[:, 1] - 0.5).all()


def test_the_floor_drifts_along_the_axes_of_the_world_in_metres_a_second():
    scene, camera = scene_of("floor", drift=DriftConfig(floor=[5.0, -2.0]))
    hits = cast(scene, camera, np.array([[30.0, 16.0]]))
    assert hits.surface[0] == 0
    # Three frames at 10 frames a second.
    np.testing.assert_allclose(hits.point[0] - earlier(scene, hits, 3)[0], [1.5, 0, -0.6, 0], atol=1e-12)


def test_a_wall_does_not_drift_around_the_corner():
    scene, camera = scene_of(drift=DriftConfig(walls=20.0), size=10.0)
    hits = cast(scene, camera, np.argwhere(np.ones((SIDE // 2, SIDE))).astype(float))
    _, known = find_in(scene, camera, earlier(scene, hits, 2))
    assert known.any()
    assert not known.all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "cave"}, "scene='cave' is unknown: choose one of floor, none, room"),
        ({"name": "room", "size": 0.0}, r"scene.size=0.0 must be above 0"),
        ({"name": "floor", "size": 9.0}, "no effect with scene=floor"),
        ({"drift": DriftConfig(sky=1.0)}, r"scene.drift moves the surfaces of a scene, but there is none"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        SceneConfig(**settings)


@pytest.mark.parametrize(
    "drift", [{"floor": [1.0]}, {"floor": [math.nan, 0.0]}, {"walls": math.inf}, {"sky": 1e9}], ids=str
)
def test_drifts_that_are_not_finite_are_refused(drift):
    with pytest.raises(ConfigError, match=f"scene.drift.{next(iter(drift))}"):
        DriftConfig(**drift)


def test_a_scene_must_be_finite_and_have_a_drift_for_every_plane():
    with pytest.raises(DataError, match="scene holds values that are not finite"):
        Scene(np.full((1, 4), np.nan), np.zeros((1, 3)))
    with pytest.raises(ShapeError, match=r"scene.drift"):
        Scene(np.zeros((2, 4)), np.zeros((1, 3)))


def test_conditions_with_a_scene_survive_a_round_trip_through_a_file():
    seen = clip_in("floor", drift=DriftConfig([1.0, 0.0], 0.0, 3.0))
    again = Conditions.from_arrays(seen.arrays())
    assert np.array_equal(again.scene.planes, seen.scene.planes)
    assert np.array_equal(again.scene.drift, seen.scene.drift)
    assert again.scene.turn == seen.scene.turn
    assert seen.background_moves
    assert not seen.camera_moves
    assert not clip_in("floor").background_moves
    of_an_older_version = {name: array for name, array in seen.arrays().items() if not name.startswith("scene")}
    assert Conditions.from_arrays(of_an_older_version).arrays().keys() == of_an_older_version.keys()


@pytest.mark.parametrize("encoding", ["inverse", "linear", "official"])
def test_the_depth_picture_shows_the_scene_only_where_it_is_wanted(encoding):
    body, camera = walk(frames=2), CameraConfig(**VIEW)
    depth = DepthConfig(encoding, "clip", None, 0.3, 0.9)
    plain = render_conditions(body, camera=camera, depth=depth, size=48)
    hidden = render_conditions(body, camera=camera, depth=depth, size=48, scene=SceneConfig("floor"))
    assert hidden.disparity.tobytes() == plain.disparity.tobytes()
    depth.scene = True
    shown = render_conditions(body, camera=camera, depth=depth, size=48, scene=SceneConfig("floor"))
    assert np.array_equal(shown.disparity[shown.mask], plain.disparity[plain.mask])
    assert shown.disparity.dtype == np.float32
    assert (shown.disparity[:, -1] > 0).all()
    assert (shown.disparity[:, 0] == (encoding == "official")).all()


@pytest.mark.parametrize("encoding", ["inverse", "linear", "official"])
def test_the_scene_has_the_greys_of_a_figure_at_the_same_depth_and_fades_behind_it(encoding):
    config = DepthConfig(encoding, "fixed", [2.0, 4.0], 0.3, 0.9)
    metres = np.array([2.0, 2.5, 3.0, 4.0], np.float32).reshape(1, 2, 2)
    pelvis = np.array([3.0])
    same = encode_background(metres, metres, config, pelvis)
    np.testing.assert_allclose(same, encode_depth(metres, config, pelvis), atol=1e-6)
    behind = encode_background(np.array([4.0, 8.0, 40.0, np.inf]).reshape(1, 2, 2), metres, config, pelvis).ravel()
    expected = [0.8, 1.0, 1.0, 1.0] if encoding == "official" else [0.3, 0.15, 0.03, 0.0]
    np.testing.assert_allclose(behind, expected, atol=1e-6)


def test_a_flat_figure_has_one_grey_and_so_has_what_is_in_front_of_it():
    metres = np.full((1, 2, 2), 2.0)
    config, pelvis = DepthConfig(range="clip"), np.array([2.0])
    near = encode_background(metres / 2, metres, config, pelvis)
    np.testing.assert_array_equal(near, encode_depth(metres, config, pelvis))
