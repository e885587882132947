"""Bodies with a shape space: changed betas, T-pose joints, and pose corrections of the vertices before skinning."""

from dataclasses import replace

import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.fit import pose_body
from latentman.body.skeleton import PARENTS
from latentman.body.skinning import forward_kinematics, rest_joints, skin, with_betas
from latentman.config import BodyConfig
from latentman.errors import ConfigError
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.rotations import from_axis_angle
from latentman.types import Motion

COUNT = 10


@pytest.fixture(scope="module")
def plain():
    return build(BodyConfig("anny"))


@pytest.fixture(scope="module")
def body(plain):
    generator = np.random.default_rng(0)
    size = len(plain.vertices)
    return replace(
        plain,
        betas=np.zeros(COUNT),
        shape_directions=generator.normal(0, 0.01, (size, 3, COUNT)),
        joint_directions=generator.normal(0, 0.01, (24, 3, COUNT)),
        pose_directions=generator.normal(0, 0.01, (size, 3, 207)),
    )


def posed(generator):
    return from_axis_angle(generator.normal(0, 0.4, (2, 24, 3))), generator.normal(size=(2, 3))


def test_t_pose_joints_equal_zero_rotations(plain):
    _, joints = forward_kinematics(plain, np.tile(np.eye(3), (1, 24, 1, 1)), np.zeros((1, 3)))
    assert np.allclose(rest_joints(plain), joints[0], atol=1e-12)
    assert (rest_joints(plain)[0] == 0).all()


def test_betas_move_vertices_and_joints_along_their_directions(body):
    betas = np.linspace(-2, 2, COUNT)
    shaped = with_betas(body, betas)
    for v in (0, 77, 5000):
        moved = body.vertices[v] + sum(betas[k] * body.shape_directions[v, :, k] for k in range(COUNT))
        assert np.allclose(shaped.vertices[v], moved)
    for j in range(24):
        moved = body.joints[j] + sum(betas[k] * body.joint_directions[j, :, k] for k in range(COUNT))
        assert np.allclose(shaped.joints[j], moved)
        if j:
            bone = shaped.joints[j] - shaped.joints[PARENTS[j]]
            assert np.allclose(shaped.bind_rotations[PARENTS[j]] @ shaped.offsets[j], bone)


def test_betas_replace_earlier_betas(body):
    again = with_betas(with_betas(body, np.ones(COUNT)), np.full(3, 0.5))
    once = with_betas(body, np.array([0.5] * 3 + [0.0] * 7))
    assert np.allclose(again.vertices, once.vertices)
    assert np.allclose(again.offsets, once.offsets)
    assert np.array_equal(again.betas, once.betas)
    assert np.allclose(with_betas(again, np.zeros(0)).joints, body.joints)


def test_a_body_without_shape_space_refuses_betas(plain):
    with pytest.raises(ConfigError, match=r"body\.betas needs a body with a shape space.*body=smpl"):
        with_betas(plain, np.zeros(2))


def test_more_betas_than_directions_are_refused(body):
    with pytest.raises(ConfigError, match=r"body\.betas has 11 numbers, but the body's file has 10 directions"):
        with_betas(body, np.zeros(11))


def test_pose_directions_move_vertices_by_the_local_rotations(body):
    local, root = posed(np.random.default_rng(1))
    rotations, joints = forward_kinematics(body, local, root)
    vertices = skin(body, rotations, joints)
    for frame in range(2):
        entries = [
            local[frame, j, row, column] - (row == column)
            for j in range(1, 24)
            for row in range(3)
            for column in range(3)
        ]
        moved = body.vertices + sum(e * body.pose_directions[:, :, k] for k, e in enumerate(entries))
        corrected = replace(body, vertices=moved, pose_directions=None)
        expected = skin(corrected, rotations[[frame]], joints[[frame]])[0]
        assert np.abs(vertices[frame] - expected).max() < 1e-10


def test_turning_the_whole_body_does_not_deform_it(body):
    local, root = posed(np.random.default_rng(2))
    turned = local.copy()
    turned[:, 0] = from_axis_angle(np.array([0.0, 1.0, 0.0])) @ local[:, 0]
    shapes = [skin(body, *forward_kinematics(body, r, np.zeros_like(root))) for r in (local, turned)]
    back = shapes[1] @ from_axis_angle(np.array([0.0, 1.0, 0.0]))
    assert np.abs(back - shapes[0]).max() < 1e-10


@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_the_betas_of_a_moving_person_are_recovered(body, noise):
    generator = np.random.default_rng(3)
    betas = generator.normal(0, 1.5, COUNT)
    person = with_betas(body, betas)
    turn = np.cumsum(generator.normal(0, 0.03, (40, 24, 3)), axis=0)
    joints = forward_kinematics(person, from_axis_angle(turn), np.cumsum(generator.normal(0, 0.01, (40, 3)), axis=0))[1]
    motion = Motion(joints[:, :22] + generator.normal(0, noise, (40, 22, 3)), 20.0, "", "mdm")
    first = np.abs(pose_body(body, motion, BodyConfig("smpl", refine="never"))[0].betas - betas).max()
    refined = np.abs(pose_body(body, motion, BodyConfig("smpl"))[0].betas - betas).max()
    assert refined < 0.15
    assert refined < first < 0.4


def test_given_betas_are_kept_by_the_refinement(body):
    joints = ProceduralSource()("a person walks", num_frames=12, seed=0).joints
    joints = joints + np.random.default_rng(4).normal(0, 0.005, joints.shape)
    fitted, _, _ = pose_body(body, Motion(joints, 20.0, "", "mdm"), BodyConfig("smpl", betas=[1.0, -2.0]))
    assert fitted.betas.tolist() == [1.0, -2.0] + [0.0] * (COUNT - 2)
