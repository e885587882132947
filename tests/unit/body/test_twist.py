"""The twist of bones: it is measured correctly and never jumps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from latentman.body.build import build
from latentman.body.skeleton import PARENTS
from latentman.body.skinning import place_joints
from latentman.body.twist import LARGEST_STEP, TWISTING, largest_twist_step, limit_steps, limit_twist, twist_angles
from latentman.config import BodyConfig


@pytest.fixture(scope="module")
def body():
    return build(BodyConfig("anny"))


def globals_of(local):
    """Return global rotations (T, 24, 3, 3) of local ones."""
    result = local.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        result[:, joint] = result[:, parent] @ local[:, joint]
    return result


def test_a_twist_is_measured_independently_of_the_swing(body):
    angles = np.linspace(-2.5, 2.5, 30)
    axis = body.offsets[4] / np.linalg.norm(body.offsets[4])  # the thigh: from hip 1 to knee 4
    side = np.cross(axis, [0, 0, 1.0])
    swing = Rotation.from_rotvec(0.8 * side / np.linalg.norm(side)).as_matrix()
    local = np.tile(np.eye(3), (30, 24, 1, 1))
    local[:, 1] = swing @ Rotation.from_rotvec(angles[:, None] * axis).as_matrix()
    twist = twist_angles(globals_of(local), body.offsets)
    assert np.allclose(twist[:, 1], angles)
    assert np.allclose(np.delete(twist, 1, axis=1), 0, atol=1e-7)
    assert np.isclose(largest_twist_step(globals_of(local), body.offsets), np.rad2deg(5 / 29))


def test_full_turns_are_followed(body):
    angles = np.linspace(0, 12, 60)
    axis = body.offsets[18] / np.linalg.norm(body.offsets[18])
    local = np.tile(np.eye(3), (60, 24, 1, 1))
    local[:, 16] = Rotation.from_rotvec(angles[:, None] * axis).as_matrix()
    assert np.allclose(twist_angles(globals_of(local), body.offsets)[:, 16], angles)


@given(seed=st.integers(0, 300), frames=st.integers(1, 40))
def test_limited_angles_satisfy_the_limit_and_valid_angles_are_unchanged(seed, frames):
    rng = np.random.default_rng(seed)
    angles = np.cumsum(rng.normal(0, 0.5, frames))
    limited = limit_steps(angles, np.ones(frames))
    assert np.abs(np.diff(limited)).max(initial=0) <= LARGEST_STEP + 1e-9
    calm = np.cumsum(rng.uniform(-LARGEST_STEP, LARGEST_STEP, frames) * 0.9)
    assert np.allclose(limit_steps(calm, np.ones(frames)), calm)


@pytest.mark.slow
@given(seed=st.integers(0, 20))
def test_limiting_a_twist_moves_no_joint(seed):
    body = build(BodyConfig("anny"))
    rng = np.random.default_rng(seed)
    local = np.tile(np.eye(3), (12, 24, 1, 1))
    for joint in TWISTING:
        local[:, joint] = Rotation.from_rotvec(rng.normal(0, 0.4, (12, 3))).as_matrix()
    rotations = globals_of(local)
    rotations[6:, 16] = (
        rotations[6:, 16] @ Rotation.from_rotvec(2.5 * body.offsets[18] / np.linalg.norm(body.offsets[18])).as_matrix()
    )
    limited = limit_twist(rotations, body.offsets)
    root = np.zeros((12, 3))
    assert np.allclose(place_joints(body, limited, root), place_joints(body, rotations, root), atol=1e-9)
    assert largest_twist_step(limited, body.offsets) <= np.rad2deg(LARGEST_STEP) + 1e-6
