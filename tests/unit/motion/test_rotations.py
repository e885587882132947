import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from latentman.motion.rotations import from_axis_angle, kabsch, perpendicular, slerp, swing, unit

coordinate = st.floats(-5, 5).filter(lambda x: x == 0 or abs(x) > 1e-3)
direction = st.tuples(coordinate, coordinate, coordinate).map(np.array).filter(lambda v: np.linalg.norm(v) > 1e-2)


def assert_rotation(matrix):
    assert np.allclose(matrix @ np.swapaxes(matrix, -1, -2), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(matrix), 1, atol=1e-9)


@given(direction, direction)
def test_swing_is_a_rotation_that_takes_one_direction_to_the_other(source, target):
    matrix = swing(source, target)
    assert_rotation(matrix)
    assert np.allclose(matrix @ unit(source), unit(target), atol=1e-6)


@given(direction, direction)
def test_swing_turns_by_the_angle_between_the_directions_and_no_more(source, target):
    angle = np.arctan2(np.linalg.norm(np.cross(source, target)), source @ target)
    assert np.isclose(np.linalg.norm(Rotation.from_matrix(swing(source, target)).as_rotvec()), angle, atol=1e-5)


@pytest.mark.parametrize("axis", [(1.0, 0, 0), (0, 1.0, 0), (0, 0, -1.0)])
def test_swing_between_opposite_directions_is_a_half_turn(axis):
    matrix = swing(np.array(axis), -np.array(axis))
    assert_rotation(matrix)
    assert np.allclose(matrix @ axis, -np.array(axis))


def test_kabsch_finds_the_rotation_that_moved_the_points():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(3, 3))
    rotations = Rotation.from_rotvec(generator.normal(size=(20, 3))).as_matrix()
    found = kabsch(points, np.einsum("tij,kj->tki", rotations, points))
    assert np.allclose(found, rotations, atol=1e-9)


def test_kabsch_gives_a_proper_rotation_for_mirrored_points():
    points = np.random.default_rng(1).normal(size=(4, 3))
    assert_rotation(kabsch(points, (points * (-1, 1, 1))[None]))


def test_slerp_traverses_the_angle_evenly():
    start = from_axis_angle(np.array([[0.3, -0.2, 0.5]]))
    end = start @ from_axis_angle(np.array([[0.0, 1.2, 0.0]]))
    assert np.allclose(slerp(start, end, 0.25), start @ from_axis_angle(np.array([[0.0, 0.3, 0.0]])))


def test_perpendicular_leaves_nothing_along_the_axis():
    generator = np.random.default_rng(2)
    vectors, axes = generator.normal(size=(10, 3)), unit(generator.normal(size=(10, 3)))
    assert np.allclose((perpendicular(vectors, axes) * axes).sum(-1), 0)
