import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve

from latentman.body.build import build
from latentman.body.fit import calibrate, fit_motion
from latentman.body.ik import find_root, solve_rotations, to_local
from latentman.body.skeleton import PARENTS
from latentman.body.skinning import forward_kinematics, with_offsets
from latentman.body.twist import smooth_twist
from latentman.config import BodyConfig
from latentman.errors import DataError
from latentman.motion.rotations import from_axis_angle
from latentman.types import Motion


@pytest.fixture(scope="module")
def body():
    return build(BodyConfig("anny", "male"))


def random_joints(body, *, seed, frames=6, spread=0.3):
    generator = np.random.default_rng(seed)
    local = from_axis_angle(generator.normal(0, spread, (frames, 24, 3)))
    return forward_kinematics(body, local, generator.normal(size=(frames, 3)))[1][:, :22]


def motion(joints):
    return Motion(joints, 20.0, "a person moves", "test")


def joint_error(sequence, joints):
    """Largest distance between the sequence's joints and the given ones, without the shift to the floor."""
    shift = sequence.joints[0, 0].astype(np.float64) - joints[0, 0]
    return np.linalg.norm(sequence.joints[:, :22] - shift - joints, axis=-1).max()


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_fit_recovers_the_joints_of_random_poses(body, frames):
    joints = random_joints(body, seed=frames, frames=frames)
    sequence = fit_motion(body, motion(joints))
    assert joint_error(sequence, joints) < 1e-4
    assert sequence.vertices.shape == (frames, len(body.vertices), 3)
    assert sequence.fps == 20.0


@pytest.mark.slow
@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10**6), st.floats(0.4, 1.8))
def test_fit_is_exact_for_skeletons_of_other_proportions(seed, scale):
    body = build(BodyConfig("anny", "female"))
    generator = np.random.default_rng(seed)
    other = with_offsets(body, body.offsets * scale * generator.uniform(0.85, 1.15, (24, 1)))
    joints = random_joints(other, seed=seed, frames=3)
    assert joint_error(fit_motion(body, motion(joints)), joints) < 1e-4 * scale


def test_fit_is_exact_for_a_pelvis_and_chest_of_another_shape(body):
    offsets = body.offsets.copy()
    offsets[[1, 2, 3, 12, 13, 14]] += np.random.default_rng(12).normal(0, 0.015, (6, 3))
    joints = random_joints(with_offsets(body, offsets), seed=12)
    assert joint_error(fit_motion(body, motion(joints)), joints) < 1e-4


def test_the_root_distributes_the_error_of_a_pelvis_that_is_not_rigid(body):
    offsets, joints = body.offsets, random_joints(body, seed=13)
    rotations = solve_rotations(offsets, joints)
    assert np.allclose(find_root(offsets, joints, rotations[:, 0]), joints[:, 0], atol=1e-9)
    bent = joints.copy()
    bent[:, 3] += np.random.default_rng(13).normal(0, 0.01, (len(joints), 3))
    pelvis = solve_rotations(offsets, bent)[:, 0]
    piece, shape = [0, 1, 2, 3], np.concatenate([np.zeros((1, 3)), offsets[1:4]])

    def away(root):
        return ((root[:, None] + np.einsum("tij,kj->tki", pelvis, shape) - bent[:, piece]) ** 2).sum()

    best = find_root(offsets, bent, pelvis)
    assert away(best) < 0.95 * away(bent[:, 0])
    for shift in 0.001 * np.eye(3):
        assert away(best) < min(away(best + shift), away(best - shift))


def test_the_lowest_vertex_of_the_clip_is_on_the_floor_and_a_jump_keeps_its_height(body):
    joints = np.repeat(random_joints(body, seed=3, frames=1), 3, axis=0)
    joints[1, :, 1] += 0.5
    sequence = fit_motion(body, motion(joints))
    lowest = sequence.vertices[..., 1].min(1)
    assert np.allclose(lowest, [0, 0.5, 0], atol=1e-6)
    assert sequence.vertices.min((0, 1))[1] == 0


def test_fit_turns_with_the_motion(body):
    joints = random_joints(body, seed=4, frames=3)
    turn = from_axis_angle(np.array([0.0, 2.1, 0.0]))
    straight, turned = (fit_motion(body, motion(j)) for j in (joints, joints @ turn.T))
    assert np.allclose(turned.vertices, straight.vertices @ turn.T.astype(np.float32), atol=1e-5)


def test_the_fit_of_a_mirrored_motion_is_a_mirrored_skeleton(body):
    from latentman.body.skeleton import MIRROR

    joints = random_joints(body, seed=5, frames=3)
    mirrored = (joints * (-1, 1, 1))[:, list(MIRROR[:22])]
    first, second = fit_motion(body, motion(joints)), fit_motion(body, motion(mirrored))
    assert np.allclose(second.joints, (first.joints * (-1, 1, 1))[:, list(MIRROR)], atol=1e-3)


def test_elbows_and_knees_bend_without_twisting_the_limb(body):
    """An arm that is raised, bent and lowered keeps the twist between upper and lower arm of the body's own pose."""
    pose = np.zeros((9, 24, 3))
    pose[:, 16, 2] = np.linspace(-1.2, 0.8, 9)
    pose[:, 18, 1] = -np.linspace(0.0, 1.8, 9)
    pose[:, 1, 0], pose[:, 4, 0] = np.linspace(0, -1.2, 9), np.linspace(0, 1.5, 9)
    rotations, joints = forward_kinematics(body, from_axis_angle(pose), np.zeros((9, 3)))
    found = solve_rotations(calibrate(body, joints[:, :22]).offsets, joints[:, :22])
    for joint in (16, 18, 1, 4):
        angle = np.arccos(
            ((np.trace(found[:, joint].swapaxes(1, 2) @ rotations[:, joint], axis1=1, axis2=2) - 1) / 2).clip(-1, 1)
        )
        assert np.rad2deg(angle).max() < 25


def test_local_rotations_compose_to_the_global_ones(body):
    joints = random_joints(body, seed=6)
    rotations = solve_rotations(body.offsets, joints)
    again, _ = forward_kinematics(body, to_local(rotations), joints[:, 0])
    assert np.allclose(again, rotations, atol=1e-9)


def test_smoothed_twist_solves_the_normal_equations():
    generator = np.random.default_rng(7)
    votes = generator.uniform(0, 2, 12) * np.exp(1j * (np.linspace(2.5, 6.5, 12) + generator.normal(0, 0.2, 12)))
    links = np.diff(np.eye(12), axis=0)
    system = np.diag(np.abs(votes) ** 2) + 0.3 * links.T @ links + 0.02 * np.eye(12)
    expected = solve(system.astype(complex), votes * np.abs(votes) + 0.02)
    assert np.allclose(np.exp(1j * smooth_twist(votes)), expected / np.abs(expected))


def test_a_straight_limb_takes_its_twist_from_neighbouring_frames():
    votes = np.array([1j, 0, 0, 1j])
    assert np.allclose(smooth_twist(votes), np.pi / 2, atol=0.3)
    assert smooth_twist(np.zeros(3, dtype=complex)) == pytest.approx(0)


def test_bones_take_the_median_length_of_the_clip(body):
    joints = random_joints(body, seed=8, frames=5)
    bent = joints.copy()
    bent[2, 21] += 0.3 * (joints[2, 21] - joints[2, 19])  # one wrist is an outlier in one frame
    offsets = calibrate(body, bent).offsets
    assert np.linalg.norm(offsets[21]) == pytest.approx(np.linalg.norm(body.offsets[21]), rel=1e-6)


@pytest.mark.parametrize("joint", [4, 9, 15, 21])
def test_a_joint_on_its_parent_is_refused_with_both_names(body, joint):
    joints = random_joints(body, seed=9, frames=4)
    joints[2, joint] = joints[2, PARENTS[joint]]
    from latentman.body.skeleton import JOINT_NAMES

    with pytest.raises(DataError, match=f"frame 2 {JOINT_NAMES[joint]} coincides with {JOINT_NAMES[PARENTS[joint]]}"):
        fit_motion(body, motion(joints))


def test_joints_that_are_not_finite_are_refused(body):
    broken = motion(random_joints(body, seed=10))
    broken.joints[3, 7, 1] = np.nan  # after the check in the constructor
    with pytest.raises(DataError, match="left_ankle of frame 3 is not finite"):
        fit_motion(body, broken)


def test_fit_is_repeatable_bit_for_bit(body):
    joints = random_joints(body, seed=11)
    first, second = fit_motion(body, motion(joints)), fit_motion(body, motion(joints.copy()))
    assert first.vertices.tobytes() == second.vertices.tobytes()
