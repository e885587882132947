"""Joints found by a skeleton's shape, whatever its names, axes, unit and extra joints are."""

import dataclasses

import numpy as np
import pytest

from latentman.motion.recorded.rig_shape import match_shape
from latentman.motion.recorded.rigs import JOINT_NAMES
from latentman.motion.skeleton import about_x, about_y
from tests.factories.skeleton_clips import extended, person, skeleton

NUMBERS = {joint: f"b{index:02d}" for index, joint in enumerate(JOINT_NAMES)}
ACTIONS = ("a person walks", "a person kicks", "a person dances", "a person jumps", "a person waves", "a person sits")


@pytest.mark.parametrize("text", ACTIONS)
def test_all_joints_are_found_without_names(text):
    assert match_shape(skeleton(NUMBERS, person(text, 40))).joints == NUMBERS


@pytest.mark.parametrize("scale", [0.001, 1.0, 100.0])
def test_unit_place_and_direction_do_not_matter(scale):
    turned = person() @ (about_x(np.asarray(1.1)) @ about_y(np.asarray(2.0))).T * scale + [5.0, -7.0, 3.0]
    assert match_shape(skeleton(NUMBERS, turned)).joints == NUMBERS


def test_the_order_of_branches_does_not_matter():
    clip = skeleton(NUMBERS)
    order = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 14, 12, 13, 15, 17, 16, 19, 18, 21, 20]
    shuffled = dataclasses.replace(
        clip,
        names=tuple(clip.names[i] for i in order),
        parents=tuple(-1 if clip.parents[i] < 0 else order.index(clip.parents[i]) for i in order),
        positions=clip.positions[:, order],
    )
    assert match_shape(shuffled).joints == NUMBERS


def test_fingers_ends_and_hair_are_passed_over():
    clip = skeleton(NUMBERS)
    for hand, way in (("b20", 1), ("b21", -1)):
        for finger in range(5):
            name, parent = f"{hand}f{finger}", hand
            for joint in range(3):
                clip = extended(clip, f"{name}.{joint}", parent, [0.03 * way, -0.02, 0.01 * finger - 0.02])
                parent = f"{name}.{joint}"
    for side, way in (("e1", 1), ("e2", -1)):
        clip = extended(clip, side, "b15", [0.03 * way, 0.05, 0.08])
    for foot in ("b10", "b11"):
        clip = extended(clip, f"{foot}end", foot, [0, 0, 0.04])
    assert match_shape(clip).joints == NUMBERS


@pytest.mark.parametrize(
    "lacking", [["left_collar", "right_collar"], ["left_foot", "right_foot"], ["spine1", "spine2"], ["neck"]]
)
def test_a_skeleton_with_fewer_joints_is_a_person_too(lacking):
    names = {joint: name for joint, name in NUMBERS.items() if joint not in lacking}
    joints = match_shape(skeleton(names)).joints
    assert {joint: joints[joint] for joint in names if joint not in ("spine1", "spine2", "spine3", "head")} == {
        joint: name for joint, name in names.items() if joint not in ("spine1", "spine2", "spine3", "head")
    }


def test_names_that_tell_the_sides_win_over_the_feet():
    sides = {
        joint: ("R" if "left" in joint else "L" if "right" in joint else "C") + f"_b{i}"
        for i, joint in enumerate(JOINT_NAMES)
    }
    joints = match_shape(skeleton(sides)).joints
    assert joints["left_hip"] == sides["right_hip"]


@pytest.mark.parametrize(
    "gone", [["left_knee", "left_ankle", "left_foot"], ["left_elbow", "left_wrist"], ["neck", "head"]]
)
def test_what_is_not_clearly_a_person_is_left_alone(gone):
    names = {joint: name for joint, name in NUMBERS.items() if joint not in gone}
    assert match_shape(skeleton(names)) is None


def test_a_chain_and_points_in_one_place_are_no_person():
    clip = skeleton(NUMBERS)
    chain = dataclasses.replace(clip, parents=tuple(range(-1, 21)))
    assert match_shape(chain) is None
    assert match_shape(dataclasses.replace(clip, positions=np.zeros_like(clip.positions))) is None


def test_stiff_legs_without_toes_and_names_do_not_guess_a_side():
    names = {joint: name for joint, name in NUMBERS.items() if joint not in ("left_foot", "right_foot")}
    still = np.repeat(person("a person stands", 1), 5, axis=0)
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):
        still[:, knee] = still[:, hip] - [0, 0.39, 0]
        still[:, ankle] = still[:, hip] - [0, 0.82, 0]
    assert match_shape(skeleton(names, still)) is None
