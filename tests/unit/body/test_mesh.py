import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.mesh import boundary_edges, close_holes
from latentman.config import BodyConfig

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_a_closed_mesh_has_no_boundary():
    assert len(boundary_edges(TETRAHEDRON)) == 0


def test_a_missing_face_is_closed_by_a_fan_that_faces_outwards():
    weights = np.eye(4)
    vertices, faces, blended = close_holes(CORNERS, TETRAHEDRON[:3], weights)
    assert len(boundary_edges(faces)) == 0
    assert np.allclose(vertices[4], CORNERS[[0, 2, 3]].mean(0))
    assert np.allclose(blended[4], weights[[0, 2, 3]].mean(0))
    volume = np.linalg.det(vertices[faces]).sum() / 6
    assert volume == pytest.approx(1 / 6)


def test_each_of_two_holes_gets_a_fan():
    faces = np.concatenate([TETRAHEDRON[:3], TETRAHEDRON[:3] + 4])
    vertices, closed, _ = close_holes(np.concatenate([CORNERS, CORNERS + 5]), faces, np.ones((8, 1)))
    assert len(vertices) == 10
    assert len(closed) == 12


@pytest.mark.parametrize("shape", ["neutral", "male", "female"])
def test_bodies_are_closed(shape):
    body = build(BodyConfig("anny", shape))
    assert len(boundary_edges(body.faces)) == 0
    volume = np.linalg.det(body.vertices[body.faces]).sum() / 6
    assert 0.04 < volume < 0.12  # cubic metres: faces point outwards, and the volume is that of a person
