"""Normal pictures, against analytic normals and slow sums."""

import numpy as np
import pytest

from latentman.render.control_pictures import draw_control
from latentman.render.normal_picture import vertex_normals
from tests.factories.bodies import cube, plate, solid, sphere
from tests.factories.views import SIZE, see


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
    # Within a quarter of the angle between neighbouring vertices, except at the rim, where the polyhedron's outline is
    # inside the sphere's.
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


def test_a_plate_that_faces_the_camera_has_the_colour_of_the_background():
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


def test_a_cubes_corner_normals_are_its_diagonals_however_its_sides_are_triangulated():
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
