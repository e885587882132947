from dataclasses import replace

import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from scipy.ndimage import distance_transform_cdt, label

from latentman.body.scene import join
from latentman.body.skeleton import JOINT_NAMES, MIRROR
from latentman.config import CameraConfig, DepthConfig
from latentman.errors import ConfigError, DataError
from latentman.render.camera import project, to_camera
from latentman.render.conditions import render_conditions
from latentman.render.control_pictures import CONTROL_PICTURES, draw_control
from latentman.render.edge_picture import CREASE_PIXELS, silhouette, without_specks
from latentman.render.normal_picture import vertex_normals
from latentman.render.pose_picture import (
    COLOURS,
    FACE_POINTS,
    KEYPOINTS,
    LIMBS,
    draw_skeleton,
    find_keypoints,
    head_axes,
)
from latentman.render.thinning import thin
from latentman.types import BodySequence, Camera, Conditions
from tests.unit.render.test_conditions import walk

DEPTH = DepthConfig("inverse", "clip", None, 0.3, 0.9)
SIZE = 96


def camera_at(yaw=0.0, pitch=0.0, **more):
    return CameraConfig(yfov_deg=47, yaw_deg=yaw, pitch_deg=pitch, margin=0.1, **more)


def see(body, yaw=0.0, pitch=0.0, size=SIZE, **more):
    return render_conditions(body, camera=camera_at(yaw, pitch, **more), depth=DEPTH, size=size)


def solid(*meshes, frames=1):
    """Return a body that is no person: some meshes (vertices, faces) put together, at rest."""
    start = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    faces = np.concatenate([mesh[1] + first for mesh, first in zip(meshes, start, strict=False)])
    vertices = np.repeat(np.concatenate([mesh[0] for mesh in meshes])[None], frames, axis=0)
    return BodySequence(
        vertices=vertices.astype(np.float64),
        faces=faces,
        joints=np.zeros((frames, 22, 3)),
        part=np.ones(len(faces), dtype=np.int64),
        corner_uv=np.full((len(faces), 3, 2), 0.5),
        fps=20.0,
    )


def sphere(levels=5):
    """Return an octahedron whose triangles were cut in four ``levels`` times, on the unit sphere."""
    signs = [(x, y, z) for x in (1, -1) for y in (1, -1) for z in (1, -1)]
    corners = np.array([[(x, 0, 0), (0, y, 0), (0, 0, z)][:: x * y * z] for x, y, z in signs], dtype=np.float64)
    for _ in range(levels):
        a, b, c = corners.transpose(1, 0, 2)
        ab, bc, ca = (p / np.linalg.norm(p, axis=-1, keepdims=True) for p in (a + b, b + c, c + a))
        corners = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    vertices, index = np.unique(corners.reshape(-1, 3).round(12), axis=0, return_inverse=True)
    return vertices, index.reshape(-1, 3)


def plate(left, right, bottom, top, z):
    """Return a rectangle that faces +Z."""
    corners = np.array([(left, bottom, z), (right, bottom, z), (right, top, z), (left, top, z)], dtype=np.float64)
    return corners, np.array([(0, 1, 2), (0, 2, 3)])


def cube(flip=()):
    """Return the cube from -1 to 1; the sides in ``flip`` are cut along their other diagonal."""
    vertices = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = []
    for side, (a, b, c, d) in enumerate(quads):
        faces += [(b, c, d), (b, d, a)] if side in flip else [(a, b, c), (a, c, d)]
    return vertices, np.array(faces)


@pytest.fixture(scope="module")
def walking():
    body = walk(frames=2)
    return body, see(body, 20, 4)


@pytest.fixture(scope="module")
def ball():
    body = solid(sphere())
    return body, see(body, yaw=30, pitch=20)


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


def sphere_normals(conditions):
    """Return, for each pixel that sees the unit sphere, the normal where its ray meets it, in camera axes."""
    camera = conditions.cameras[0]
    rows, columns = np.nonzero(conditions.mask[0])
    ray = np.stack(
        [(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy, np.ones(len(rows))], -1
    )
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    centre = camera.translation
    along = ray @ centre
    distance = along - np.sqrt(np.maximum(along**2 - centre @ centre + 1, 0))
    return distance[:, None] * ray - centre


def test_the_normals_of_a_sphere_are_the_analytic_ones(ball):
    body, conditions = ball
    colours = draw_control("normal", body, conditions)[0][conditions.mask[0]]
    expected = sphere_normals(conditions)
    # Within a quarter of the angle between neighbouring vertices, but for the very rim, where the polyhedron's outline
    # lies inside the sphere's.
    inner = -(expected * conditions.cameras[0].translation).sum(-1) / np.linalg.norm(conditions.cameras[0].translation)
    cosine = ((1 - 2 * colours) * expected).sum(-1)
    assert np.degrees(np.arccos(np.clip(cosine[inner > 0.4], -1, 1))).max() < 90 / 2**5 / 4
    assert np.allclose(np.linalg.norm(1 - 2 * colours, axis=-1), 1, atol=1e-5)


def test_red_is_the_pictures_left_green_is_up_and_blue_is_towards_the_camera(ball):
    body, conditions = ball
    picture, mask = draw_control("normal", body, conditions)[0], conditions.mask[0]
    rows, columns = np.nonzero(mask)
    middle = SIZE // 2
    assert picture[middle, columns.min(), 0] > 0.9
    assert picture[middle, columns.max(), 0] < 0.1
    assert picture[rows.min(), middle, 1] > 0.9
    assert picture[rows.max(), middle, 1] < 0.1
    assert picture[middle, middle] == pytest.approx([0.5, 0.5, 1.0], abs=0.02)


def test_a_plate_that_faces_the_camera_is_as_blue_as_the_background():
    body = solid(plate(-1, 1, -1, 1, 0.0))
    conditions = see(body)
    picture = draw_control("normal", body, conditions)[0]
    assert conditions.mask.any()
    assert np.allclose(picture[conditions.mask[0]], [0.5, 0.5, 1.0], atol=1e-6)
    assert (picture[~conditions.mask[0]] == np.float32([0.5, 0.5, 1.0])).all()


def test_normals_turn_with_the_camera_and_not_with_the_world(ball):
    body, _ = ball
    views = [draw_control("normal", body, see(body, yaw=yaw))[0] for yaw in (0, 90)]
    assert np.abs(views[0] - views[1]).max() < 0.02


def test_a_cubes_corners_point_along_its_diagonals_however_its_sides_are_cut():
    for flip in ((), (0,), (1, 3, 4), range(6)):
        vertices, faces = cube(flip)
        assert np.allclose(vertex_normals(vertices, faces), vertices / np.sqrt(3))


def test_vertex_normals_equal_a_sum_corner_by_corner():
    rng = np.random.default_rng(0)
    vertices, faces = sphere(2)
    vertices = vertices + rng.normal(0, 0.05, vertices.shape)
    expected = np.zeros_like(vertices)
    for face in faces:
        normal = np.cross(vertices[face[1]] - vertices[face[0]], vertices[face[2]] - vertices[face[0]])
        for k in range(3):
            one, two = (vertices[face[(k + step) % 3]] - vertices[face[k]] for step in (1, 2))
            angle = np.arccos(one @ two / np.linalg.norm(one) / np.linalg.norm(two))
            expected[face[k]] += angle * normal / np.linalg.norm(normal)
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    assert np.allclose(vertex_normals(vertices, faces), expected)


# Pose


def frontal(size=512, yaw=0.0, width=None):
    """Return a camera 3 m before the origin at the height of a person's middle."""
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


def test_seen_from_the_front_the_characters_right_lies_on_the_pictures_left():
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


def test_in_profile_only_the_near_eye_and_ear_are_seen():
    for side, yaw in (("left", 90), ("right", -90)):
        _, seen = find_keypoints(star(), frontal(yaw=yaw))
        visible = {name for name, is_seen in zip(KEYPOINTS, seen, strict=True) if is_seen}
        assert visible & set(FACE_POINTS) == {"nose", f"{side}_eye", f"{side}_ear"}


def test_the_face_points_lie_on_the_surface_of_the_head(walking):
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


def test_two_characters_are_refused_a_pose_picture_that_would_show_one(walking):
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
    # An ellipse: thinner towards its ends.
    assert int(limb[:, 110].sum()) < 7


def test_strokes_grow_with_the_picture():
    seen = np.ones(18, dtype=bool)
    pixels, _ = find_keypoints(star(), frontal(256))
    small, large = (draw_skeleton(k * pixels, seen, k * 256, k * 256).any(-1).mean() for k in (1, 2))
    assert small == pytest.approx(large, rel=0.15)


def test_two_keypoints_in_one_place_draw_without_a_direction():
    pixels = np.full((18, 2), 20.5)
    picture = draw_skeleton(pixels, np.ones(18, dtype=bool), 64, 64)
    assert np.isfinite(picture).all()
    assert colour_at(picture, pixels[0]) == COLOURS[17]


# Edges


def test_a_spheres_only_edge_is_its_outline_at_the_masks_border(ball):
    body, conditions = ball
    edges = draw_control("canny", body, conditions)[0, ..., 0] > 0
    border = silhouette(conditions.mask[0])
    assert not (edges & ~border).any()
    assert edges.sum() > 0.9 * border.sum()
    assert label(edges, np.ones((3, 3)))[1] == 1


def test_edges_are_pure_black_and_white_and_lie_on_the_figure(walking):
    body, conditions = walking
    edges = draw_control("canny", body, conditions)
    assert set(np.unique(edges)) == {0.0, 1.0}
    assert (edges[..., :1] == edges).all()
    assert not edges[~conditions.mask].any()


def test_edges_are_one_pixel_wide(walking):
    for edges in draw_control("canny", *walking)[..., 0] > 0:
        views = [edges[r : SIZE - 2 + r, c : SIZE - 2 + c] for r in range(3) for c in range(3)]
        assert not np.all(views, axis=0).any()
        assert (thin(edges) == edges).all()


def test_the_whole_outline_has_an_edge_close_by(walking):
    body, conditions = walking
    for edges, mask in zip(draw_control("canny", body, conditions)[..., 0] > 0, conditions.mask, strict=True):
        away = distance_transform_cdt(~edges, "chessboard")[silhouette(mask)]
        # Only between fingers, where the outline's two sides touch, is a line further away than a pixel.
        assert away.max() <= 2
        assert (away <= 1).mean() > 0.99


def test_a_plate_before_another_has_its_outline_drawn_on_itself():
    body = solid(plate(-1, 1, -1, 1, 0.0), plate(-0.4, 0.4, -0.4, 0.4, 0.1))
    conditions = see(body)
    edges = draw_control("canny", body, conditions)[0, ..., 0] > 0
    near = conditions.face[0] >= 2
    border = silhouette(near)
    assert not (edges & near & ~border).any()
    assert (edges & border).sum() >= border.sum() - 4  # a corner may be cut
    assert not (edges & ~near & ~silhouette(conditions.mask[0])).any()


def test_a_slanting_plate_has_no_edge_inside():
    body = solid(plate(-1, 1, -1, 1, 0.0))
    conditions = see(body, yaw=70)
    edges = draw_control("canny", body, conditions)[0, ..., 0] > 0
    assert np.ptp(conditions.depth[conditions.mask]) > 1
    assert not (edges & ~silhouette(conditions.mask[0])).any()


def test_a_cubes_edges_are_creases():
    body = solid(cube())
    conditions = see(body, yaw=40)
    edges = draw_control("canny", body, conditions)[0, ..., 0] > 0
    inner = edges & ~silhouette(conditions.mask[0])
    left, right = project(
        to_camera(np.array([(1.0, 0.6, 1), (1, -0.6, 1)]), conditions.cameras[0]), conditions.cameras[0]
    )
    rows, columns = np.nonzero(inner)
    assert len(rows) > 0.8 * (right[1] - left[1])
    assert np.abs(columns + 0.5 - left[0]).max() <= 1


def test_short_creases_go_and_short_outlines_stay():
    lines, outline = np.zeros((12, 30), dtype=bool), np.zeros((12, 30), dtype=bool)
    lines[2, 2 : 2 + CREASE_PIXELS] = True
    lines[6, 2 : 1 + CREASE_PIXELS] = True
    lines[10, 2] = outline[10, 2] = True
    expected = lines.copy()
    expected[6] = False
    assert (without_specks(lines, outline) == expected).all()


def test_what_moves_elsewhere_changes_no_edge():
    apart = [(sphere(4)[0] * 0.4 + offset, sphere(4)[1]) for offset in ((-1, 0, 0), (1, 0, 0))]
    frame = plate(-1.6, 1.6, -1.6, 1.6, -3.0)  # holds the camera where it is
    body = solid(*apart, frame, frames=2)
    count = len(apart[0][0])
    body.vertices[1, count : 2 * count] += (0.0, 0.3, 0.3)
    edges = draw_control("canny", body, see(body))
    half = SIZE // 2
    assert (edges[0, :, :half] == edges[1, :, :half]).all()
    assert (edges[0, :, half:] != edges[1, :, half:]).any()


@hypothesis.given(hnp.arrays(np.bool_, (9, 11)))
def test_thinning_keeps_pieces_and_holes_and_does_nothing_twice(lines):
    thinned = thin(lines)
    assert not (thinned & ~lines).any()
    assert (thin(thinned) == thinned).all()
    pieces = label(lines, np.ones((3, 3)))
    assert label(thinned, np.ones((3, 3)))[1] == pieces[1]
    assert set(np.unique(pieces[0][thinned])) == set(np.unique(pieces[0])) - {0}
    assert label(np.pad(~thinned, 1, constant_values=True))[1] == label(np.pad(~lines, 1, constant_values=True))[1]


def test_thinning_makes_a_broad_bar_a_line_and_leaves_a_line_alone():
    bar = np.zeros((9, 20), dtype=bool)
    bar[3:6, 2:18] = True
    assert thin(bar).sum(0).max() == 1
    line = np.eye(9, dtype=bool)
    assert (thin(line) == line).all()
