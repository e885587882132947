"""Action-to-motion: its classes, and the conversion of rotations to joints."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from latentman.errors import ConfigError, ShapeError
from latentman.motion.learned.humanact12 import ACTIONS, choose_action, joints_of, rotations_from_rows

PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]


@pytest.fixture
def rest_joints():
    return np.random.default_rng(0).normal(size=(24, 3))


def frames(rotations, translation):
    """Pack rotations (T, 24, 3, 3) and translation (T, 3) in the model's output format."""
    count = len(rotations)
    rows = np.zeros((count, 25, 6))
    rows[:, :24] = rotations[:, :, :2].reshape(count, 24, 6)
    rows[:, 24, :3] = translation
    return rows.reshape(count, 150)


def test_the_first_two_rows_are_the_rotation():
    matrices = Rotation.random(20, random_state=0).as_matrix()
    scale = np.linspace(0.5, 2, 20)[:, None]
    np.testing.assert_allclose(rotations_from_rows(matrices[:, :2].reshape(20, 6) * scale), matrices, atol=1e-12)


def test_joints_equal_explicit_kinematics(rest_joints):
    rotations = Rotation.random(3 * 24, random_state=1).as_matrix().reshape(3, 24, 3, 3)
    translation = np.random.default_rng(2).normal(size=(3, 3))
    found = joints_of(frames(rotations, translation), rest_joints)
    for t in range(3):
        world, place = {0: rotations[t, 0]}, {0: translation[t]}
        for j in range(1, 24):
            p = PARENTS[j]
            place[j] = place[p] + world[p] @ (rest_joints[j] - rest_joints[p])
            world[j] = world[p] @ rotations[t, j]
        wanted = np.array([place[j] for j in range(22)]) * [1, -1, -1]
        np.testing.assert_allclose(found[t] - found[0, 0], wanted - (translation[0] * [1, -1, -1]), atol=1e-12)
    assert found.shape == (3, 22, 3)
    assert found[..., 1].min() == 0.0


def test_an_upside_down_person_is_turned_upright(rest_joints):
    upside_down = np.tile(np.diag([1.0, -1.0, -1.0]), (2, 1, 1))
    rotations = np.tile(np.eye(3), (2, 24, 1, 1))
    rotations[:, 0] = upside_down
    found = joints_of(frames(rotations, np.zeros((2, 3))), rest_joints)
    np.testing.assert_allclose(found[0] - found[0, 0], (rest_joints - rest_joints[0])[:22], atol=1e-12)


def test_other_shapes_are_refused(rest_joints):
    with pytest.raises(ShapeError, match=r"expected \(T, 150\), got \(4, 263\)"):
        joints_of(np.zeros((4, 263)), rest_joints)
    with pytest.raises(ShapeError, match=r"rest joints: expected \(24, 3\), got \(22, 3\)"):
        joints_of(np.zeros((4, 150)), rest_joints[:22])


@pytest.mark.parametrize(("action", "number"), [("jump", 3), ("Warm up", 0), ("turn_steering_wheel", 8)])
def test_the_configured_action_is_used(action, number):
    assert choose_action(action, "a person sits") == number


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a person walks and then jumps", "walk"),
        ("a man is lifting a dumbbell", "lift_dumbbell"),
        ("somebody drives", "turn steering wheel"),
        ("a boxer punches", "boxing"),
    ],
)
def test_the_texts_first_known_word_names_the_action(text, name):
    assert ACTIONS[choose_action(None, text)] == name


def test_unknown_actions_list_the_classes():
    with pytest.raises(
        ConfigError, match=r"motion.action='jumpp' is unknown: choose one of warm_up.*did you mean 'jump'"
    ):
        choose_action("jumpp", "")
    with pytest.raises(ConfigError, match=r"none of its classes in 'a person swims': set motion.action to one of warm"):
        choose_action(None, "a person swims")
