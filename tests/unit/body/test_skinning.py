import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.skeleton import CHILDREN, JOINT_NAMES, MIRROR, PARENTS
from latentman.body.skinning import forward_kinematics, place_joints, skin, with_offsets
from latentman.config import BodyConfig
from latentman.motion.rotations import from_axis_angle


@pytest.fixture(scope="module", params=["neutral", "male", "female"])
def body(request):
    return build(BodyConfig("anny", request.param))


def test_bind_pose_is_reproduced(body):
    vertices = skin(body, body.bind_rotations[None], body.joints[None])[0]
    assert np.abs(vertices - body.vertices).max() < 1e-5
    assert np.abs(place_joints(body, body.bind_rotations[None], body.joints[:1]) - body.joints).max() < 1e-9


def test_zero_pose_is_a_t_pose(body):
    local = np.tile(np.eye(3), (1, 24, 1, 1))
    _, joints = forward_kinematics(body, local, np.zeros((1, 3)))
    left_arm = joints[0, [16, 18, 20]]
    assert np.ptp(left_arm[:, 1]) < 1e-9
    assert np.ptp(left_arm[:, 2]) < 1e-9
    assert left_arm[2, 0] - left_arm[0, 0] > 0.4
    assert joints[0, 7, 1] < joints[0, 4, 1] < joints[0, 1, 1] < joints[0, 15, 1]


def test_skinning_equals_an_explicit_sum_over_joints(body):
    generator = np.random.default_rng(0)
    rotations, joints = forward_kinematics(
        body, from_axis_angle(generator.normal(0, 0.4, (1, 24, 3))), generator.normal(size=(1, 3))
    )
    vertices = skin(body, rotations, joints)[0]
    for v in generator.integers(0, len(body.vertices), 25):
        expected = np.zeros(3)
        for j in range(24):
            local = body.bind_rotations[j].T @ (body.vertices[v] - body.joints[j])
            expected += body.weights[v, j] * (rotations[0, j] @ body.stretch[j] @ local + joints[0, j])
        assert np.allclose(vertices[v], expected, atol=1e-12)


def test_a_rigid_motion_of_the_skeleton_moves_the_mesh_rigidly(body):
    local = np.tile(np.eye(3), (2, 24, 1, 1))
    turn = from_axis_angle(np.array([0.3, 1.1, -0.4]))
    local[1, 0] = turn
    root = np.array([[0.0, 0, 0], [1.0, 2.0, 3.0]])
    still, moved = skin(body, *forward_kinematics(body, local, root))
    assert np.allclose(moved, still @ turn.T + root[1], atol=1e-9)


def test_a_skeleton_of_half_the_size_has_a_mesh_of_half_the_size(body):
    half = with_offsets(body, body.offsets / 2)
    vertices = skin(half, body.bind_rotations[None], place_joints(half, body.bind_rotations[None], body.joints[:1] / 2))
    assert np.allclose(vertices[0], body.vertices / 2, atol=1e-9)


def test_a_longer_bone_stretches_its_part_of_the_mesh(body):
    offsets = body.offsets.copy()
    offsets[5] *= 1.2  # the right knee: a longer thigh
    longer = with_offsets(body, offsets)
    old, new = (
        skin(b, *forward_kinematics(b, np.tile(np.eye(3), (1, 24, 1, 1)), np.zeros((1, 3))))[0] for b in (body, longer)
    )
    foot = body.weights[:, 8] > 0.99
    drop = old[foot, 1].mean() - new[foot, 1].mean()
    assert drop == pytest.approx(0.2 * np.linalg.norm(body.offsets[5]), rel=0.1)


def test_wide_hips_do_not_pull_the_mesh_into_a_skirt(body):
    offsets = body.offsets.copy()
    offsets[[1, 2], 0] *= 2
    wide = with_offsets(body, offsets)
    scales = np.linalg.svd(wide.stretch, compute_uv=False)
    size = scales[15].mean()  # the head's scale is the overall scale
    assert scales.min() > 0.849 * size
    assert scales.max() < 1.201 * size
    local = np.tile(np.eye(3), (1, 24, 1, 1))
    _, joints = forward_kinematics(wide, local, np.zeros((1, 3)))
    assert np.allclose(joints[0, [1, 2]], offsets[[1, 2]])


def test_skeleton_tables_agree_with_each_other():
    assert all(parent < joint for joint, parent in enumerate(PARENTS))
    assert all(PARENTS[child] == joint for joint, children in enumerate(CHILDREN) for child in children)
    for joint, other in enumerate(MIRROR):
        name = JOINT_NAMES[joint]
        assert JOINT_NAMES[other] == (
            name.replace("left", "right") if "left" in name else name.replace("right", "left")
        )


def test_weights_sum_to_one(body):
    assert body.weights.min() >= 0
    assert np.allclose(body.weights.sum(1), 1)
