"""Which axis is up: of bodies that stand, walk, lie, fall, crawl and stand on their hands, in any axes."""

import numpy as np
import pytest

from latentman.config.character import AXES
from latentman.motion.recorded.upright import along, find_up, y_up
from tests.factories.motion_clips import axis_up, falling, lying, person


@pytest.mark.parametrize("up", AXES)
def test_turning_up_is_a_rotation_that_brings_the_axis_to_y(up):
    points = np.random.default_rng(0).normal(size=(5, 22, 3))
    turned = y_up(points, up)
    np.testing.assert_array_equal(turned[..., 1], along(points, up))
    assert np.linalg.det(y_up(np.eye(3), up)) == pytest.approx(1)


@pytest.mark.parametrize("up", AXES)
@pytest.mark.parametrize(
    "text", ["a person walks", "a person dances", "a person jumps", "a person bows", "a person kicks"]
)
@pytest.mark.parametrize("place", [[0, 0, 0], [3, -0.9, -2], [2, 0.3, 1.5]], ids=["floor", "pelvis", "away"])
def test_a_body_that_stands_shows_which_axis_is_up(up, text, place):
    found = find_up(axis_up(person(text) + place, up), usual="y")
    assert (found.axis, found.doubt) == (up, None)


@pytest.mark.parametrize("scale", [1.0, 100.0, 39.37])
@pytest.mark.parametrize("usual", ["y", "z"])
@pytest.mark.parametrize("up", ["y", "z"])
def test_a_body_that_lies_is_right_by_its_rest_pose_or_doubted(up, usual, scale):
    joints = axis_up(lying(), up) * scale
    rest = axis_up(person("a person stands", 1)[0], up) * scale
    assert find_up(joints, rest=rest, usual=usual).axis == up
    found = find_up(joints, usual=usual)
    assert found.axis == up or "motion.up" in str(found.doubt)


@pytest.mark.parametrize("up", ["y", "z"])
def test_a_body_that_falls_is_right_in_the_usual_axes(up):
    found = find_up(axis_up(falling(), up), usual=up)
    assert found.axis == up


@pytest.mark.parametrize("up", AXES)
def test_a_body_that_falls_is_right_by_its_rest_pose(up):
    rest = axis_up(person("a person stands", 1)[0], up)
    assert find_up(axis_up(falling(), up), rest=rest, usual="y").axis == up


@pytest.mark.parametrize("up", AXES)
def test_a_body_that_falls_in_unusual_axes_is_right_or_doubted(up):
    found = find_up(axis_up(falling(), up), usual="y")
    assert found.axis == up or "motion.up" in str(found.doubt)


def test_a_lying_body_whose_rest_pose_points_elsewhere_lies_by_the_height_of_its_torso():
    laid = axis_up(lying(), "z")
    laid = laid - laid[0, 0] * [1, 1, 0]
    rest = person("a person stands", 1)[0]  # along Y, as exporters leave it that turn the root
    found = find_up(laid, rest=rest, usual="y")
    assert found.axis == "z"
    assert "motion.up=" in str(found.doubt)


def test_a_handstand_on_the_floor_is_a_handstand_but_doubted():
    joints = person("a person stands") * [1, -1, -1]
    joints[..., 1] -= joints[..., 1].min()
    found = find_up(joints)
    assert found.axis == "y"
    assert "motion.up=-y" in str(found.doubt)


def test_a_root_that_stays_at_the_origin_does_not_make_a_body_lie():
    joints = person("a person walks")
    found = find_up(joints - joints[:, :1], rest=joints[0], usual="y")
    assert (found.axis, found.doubt) == ("y", None)


def test_the_evidence_is_in_words():
    rest = person("a person stands", 1)[0]
    said = find_up(person(), rest=rest).evidence
    assert "stands along Y in 100 % of the frames" in said
    assert "the lowest joints are at 0 along Y" in said
    assert "its rest pose stands along Y" in said
