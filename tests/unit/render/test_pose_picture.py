from dataclasses import replace

import numpy as np
import pytest

from latentman.body.scene import join
from latentman.body.skeleton import JOINT_NAMES, MIRROR
from latentman.errors import DataError
from latentman.render.camera import project, to_camera
from latentman.render.control_pictures import draw_control
from latentman.render.pose_picture import (
    COLOURS,
    FACE_POINTS,
    KEYPOINTS,
    LIMBS,
    draw_skeleton,
    find_keypoints,
    head_axes,
)
from latentman.types import Camera
from tests.factories.views import SIZE, see


def frontal(size=512, yaw=0.0, width=None):
    """Return a camera 3 m in front of the origin at the height of a person's middle."""
    angle = np.radians(yaw)
    forward = np.array([-np.sin(angle), 0.0, -np.cos(angle)])
    rotation = np.stack([np.cross((0.0, -1.0, 0.0), forward), (0.0, -1.0, 0.0), forward])
    translation = np.array([0.0, 0.0, 3.0]) - rotation @ (0.0, 0.9, 0.0)
    return Camera(rotation, translation, size, size, (width or size) / 2, size / 2, size, width or size)


def star():
    """Return joints (22, 3) of a person who faces +Z with spread limbs, no two keypoints near each other."""
    joints = np.zeros((22, 3))
    left = {
        "hip": (0.1, 0.9, 0), "knee": (0.25, 0.5, 0.02), "ankle": (0.4, 0.1, 0), "foot": (0.42, 0.02, 0.1),
        "collar": (0.06, 1.38, 0), "shoulder": (0.2, 1.4, 0), "elbow": (0.45, 1.3, 0), "wrist": (0.7, 1.2, 0.05),
    }  # fmt: skip
    spine = {
        "pelvis": (0, 0.95, 0), "spine1": (0, 1.08, 0), "spine2": (0, 1.2, 0), "spine3": (0, 1.3, 0),
        "neck": (0, 1.47, -0.02), "head": (0, 1.57, 0.016),
    }  # fmt: skip
    for name, place in spine.items():
        joints[JOINT_NAMES.index(name)] = place
    for name, place in left.items():
        joints[JOINT_NAMES.index(f"left_{name}")] = place
        joints[JOINT_NAMES.index(f"right_{name}")] = (-place[0], *place[1:])
    return joints


def mirrored(joints):
    return (joints * (-1.0, 1.0, 1.0))[list(MIRROR[:22])]


def colour_at(picture, pixel):
    column, row = np.floor(pixel).astype(int)
    return tuple(np.rint(255 * picture[row, column]).astype(int))


def swapped(name):
    return name.replace("left", "?").replace("right", "left").replace("?", "right")


@pytest.mark.parametrize("size", [96, 256, 512])
def test_the_pixel_of_every_keypoint_carries_its_colour(size):
    pixels, seen = find_keypoints(star(), frontal(size))
    picture = draw_skeleton(pixels, seen, size, size)
    assert seen.all()
    hidden = {name for name in ("nose", "right_eye", "left_eye") if size < 256}
    for name, pixel, colour in zip(KEYPOINTS, pixels, COLOURS, strict=True):
        if name not in hidden:
            assert colour_at(picture, pixel) == colour, name


def test_in_the_front_view_the_characters_right_is_on_the_pictures_left():
    pixels, _ = find_keypoints(star(), frontal())
    place = dict(zip(KEYPOINTS, pixels[:, 0], strict=True))
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "eye", "ear"):
        assert place[f"right_{part}"] < place["neck"] < place[f"left_{part}"]


def test_mirroring_the_pose_swaps_the_colours_of_left_and_right():
    joints = star()
    joints[JOINT_NAMES.index("left_wrist")] = (0.5, 1.75, 0.1)  # only the left hand is raised
    pixels, seen = find_keypoints(joints, frontal())
    other, other_seen = find_keypoints(mirrored(joints), frontal())
    partner = [KEYPOINTS.index(swapped(name)) for name in KEYPOINTS]
    assert np.allclose(other[:, 0], 512 - pixels[partner][:, 0])
    assert np.allclose(other[:, 1], pixels[partner][:, 1])
    pictures = draw_skeleton(pixels, seen, 512, 512), draw_skeleton(other, other_seen, 512, 512)
    raised = pixels[KEYPOINTS.index("left_wrist")]
    assert colour_at(pictures[0], raised) == COLOURS[KEYPOINTS.index("left_wrist")]
    assert colour_at(pictures[1], (512 - raised[0], raised[1])) == COLOURS[KEYPOINTS.index("right_wrist")]


def test_an_upright_head_looks_where_the_shoulders_face():
    for turn in (0.0, 70.0):
        cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        about_y = np.array([(cosine, 0, sine), (0, 1, 0), (-sine, 0, cosine)])
        assert np.allclose(head_axes(star() @ about_y.T) @ about_y, np.eye(3), atol=0.01)


def test_a_head_that_faces_away_has_no_face_points():
    _, seen = find_keypoints(star(), frontal(yaw=180))
    assert {name for name, is_seen in zip(KEYPOINTS, seen, strict=True) if not is_seen} == set(FACE_POINTS)


def test_in_profile_only_the_near_eye_and_ear_are_visible():
    for side, yaw in (("left", 90), ("right", -90)):
        _, seen = find_keypoints(star(), frontal(yaw=yaw))
        visible = {name for name, is_seen in zip(KEYPOINTS, seen, strict=True) if is_seen}
        assert visible & set(FACE_POINTS) == {"nose", f"{side}_eye", f"{side}_ear"}


def test_the_face_points_are_on_the_surface_of_the_head(walking):
    body, conditions = walking
    head = body.vertices[0][np.unique(body.faces[np.isin(body.part, (23, 24))])]
    camera = conditions.cameras[0]
    pixels, seen = find_keypoints(body.joints[0], camera)
    outline = project(to_camera(head, camera), camera)
    for name in ("nose", "right_eye", "left_eye", "left_ear"):
        index = KEYPOINTS.index(name)
        assert seen[index]
        assert (np.linalg.norm(outline - pixels[index], axis=-1)).min() < 0.01 * SIZE


def test_a_keypoint_outside_the_picture_and_its_limbs_are_not_drawn():
    joints = star()
    joints[JOINT_NAMES.index("left_wrist"), 0] = 3.0
    pixels, seen = find_keypoints(joints, frontal())
    wrist, elbow = KEYPOINTS.index("left_wrist"), KEYPOINTS.index("left_elbow")
    assert not seen[wrist]
    assert seen[elbow]
    picture = np.rint(255 * draw_skeleton(pixels, seen, 512, 512)).astype(int)
    for colour in (COLOURS[wrist], tuple(0.6 * c for c in COLOURS[LIMBS.index((elbow, wrist))])):
        assert not (picture == np.rint(colour)).all(-1).any()


def test_a_pose_picture_of_two_characters_is_refused(walking):
    body, _ = walking
    pair = join([body, replace(body, vertices=body.vertices + np.array([1.0, 0.0, 0.0]))])
    conditions = see(pair)
    with pytest.raises(DataError, match=r"kind='pose': the scene has 2 characters"):
        draw_control("pose", pair, conditions)
    for kind in ("depth", "normal", "canny"):
        assert draw_control(kind, pair, conditions).std() > 0.01


def test_a_keypoint_behind_the_camera_is_not_drawn():
    joints = star()
    joints[JOINT_NAMES.index("right_wrist")] = (0.0, 0.9, 4.0)
    _, seen = find_keypoints(joints, frontal())
    assert not seen[KEYPOINTS.index("right_wrist")]


def test_at_512_pixels_joints_have_radius_4_and_limbs_a_width_of_8():
    seen = np.zeros(18, dtype=bool)
    seen[[9, 10]] = True
    pixels = np.zeros((18, 2))
    pixels[9], pixels[10] = (100.5, 200.5), (300.5, 200.5)
    picture = draw_skeleton(pixels, seen, 512, 512)
    disc = (picture == np.float32(np.array(COLOURS[9]) / 255)).all(-1)
    assert [int(n) for n in disc[196:205].sum(1)] == [3, 7, 7, 9, 9, 9, 7, 7, 3]
    limb = (picture == np.float32(0.6 * np.array(COLOURS[LIMBS.index((9, 10))]) / 255)).all(-1)
    assert int(limb[:, 200].sum()) == 9
    assert np.flatnonzero(limb[:, 200]).mean() == 200
    # An ellipse is thinner towards its ends.
    assert int(limb[:, 110].sum()) < 7


def test_strokes_grow_with_the_picture():
    seen = np.ones(18, dtype=bool)
    pixels, _ = find_keypoints(star(), frontal(256))
    small, large = (draw_skeleton(k * pixels, seen, k * 256, k * 256).any(-1).mean() for k in (1, 2))
    assert small == pytest.approx(large, rel=0.15)


def test_two_keypoints_at_the_same_place_are_drawn_without_a_direction():
    pixels = np.full((18, 2), 20.5)
    picture = draw_skeleton(pixels, np.ones(18, dtype=bool), 64, 64)
    assert np.isfinite(picture).all()
    assert colour_at(picture, pixels[0]) == COLOURS[17]
