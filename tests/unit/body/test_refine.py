"""The refinement of noisy motion: its mathematics against slow references, and its effect on noise."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.body.block_bands import NormalEquations
from latentman.body.build import build
from latentman.body.energy import FREE, State, evaluate, moved
from latentman.body.fit import calibrate, fit_motion, is_noisy, pose_body
from latentman.body.ik import solve_rotations
from latentman.body.refine import noise_of, pose_problem, refine
from latentman.body.skinning import Body, forward_kinematics, place_joints
from latentman.body.twist import LARGEST_STEP, largest_twist_step
from latentman.config import BodyConfig
from latentman.motion.action import parse_action
from latentman.motion.procedural.source import ACTIONS, ProceduralSource
from latentman.motion.quality import bone_variation, measure
from latentman.motion.rotations import from_axis_angle
from latentman.types import Motion
from tests.factories.quick import slow_except

FPS = 20.0
PROMPTS = ("a person walks", "a person dances", "a person kicks", "a person runs", "a person punches", "a person bows")
EVERY_VERB = {
    "jump off": "a person jumps off a wall",
    "turn around": "a person turns around",
    "warm up": "a person warms up",
    "waltz": "a person waltzes",
    "punch": "a person punches",
}
"""Prompts for verbs whose form is not the verb plus s."""


@pytest.fixture(scope="module")
def body() -> Body:
    return build(BodyConfig("anny"))


def clip(prompt: str = "a person walks", frames: int = 40) -> np.ndarray:
    return ProceduralSource(FPS)(prompt, num_frames=frames, seed=1).joints


def noisy(joints: np.ndarray, metres: float = 0.005, seed: int = 0) -> np.ndarray:
    return joints + np.random.default_rng(seed).normal(0, metres, joints.shape)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean distance in millimetres."""
    return 1000 * float(np.linalg.norm(one - other, axis=-1).mean())


def problem_of(body: Body, joints: np.ndarray, betas: int = 0):
    fitted = calibrate(body, joints)
    rotations = solve_rotations(fitted.offsets, joints)
    directions = 0.01 * np.random.default_rng(3).normal(size=(24, 3, betas))
    problem = pose_problem(fitted.offsets, directions, rotations, joints, FPS)
    return problem, State(joints[:, 0].copy(), rotations[:, FREE], np.zeros(betas))


QUICK = ("walk", "kick", "dance")
"""Verbs that are tried by default; the others are with the slow tests."""


def test_the_gradient_is_the_gradient_of_the_energy(body: Body) -> None:
    joints = noisy(clip(frames=8), 0.02)
    joints[3, 10, 1] = joints[:, [10, 11], 1].min() - 0.03  # a foot below the floor
    problem, state = problem_of(body, joints, betas=3)
    rng = np.random.default_rng(1)
    state = moved(state, 0.05 * rng.normal(size=(8, 54)), 0.1 * rng.normal(size=3))
    _, equations = evaluate(problem, state)
    for _ in range(12):
        step, shared = rng.normal(size=(8, 54)), rng.normal(size=3)
        small = 1e-6
        ahead, behind = (evaluate(problem, moved(state, s * step, s * shared))[0] for s in (small, -small))
        slope = float((equations.gradient * step).sum() + equations.shared_gradient @ shared)
        assert (ahead - behind) / (2 * small) == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_accepted_step_decreases_the_energy(body: Body, prompt: str) -> None:
    joints = noisy(clip(prompt))
    offsets = calibrate(body, joints).offsets
    energies = refine(offsets, solve_rotations(offsets, joints), joints, FPS).energies
    assert len(energies) > 1
    assert all(after < before for before, after in pairwise(energies))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_noise_of_5_mm_ends_below_10_mm_and_nearer_to_the_truth(body: Body, prompt: str) -> None:
    truth = clip(prompt, 60)
    given_joints = noisy(truth)
    fitted = {}
    for choice in ("never", "auto"):
        cfg = BodyConfig("anny", refine=choice)
        fitted[choice] = _joints(fit_motion(body, Motion(given_joints, FPS, "", "mdm"), cfg).joints, given_joints)
    assert distance(fitted["auto"], given_joints) < 8
    assert distance(fitted["auto"], truth) < 7
    assert distance(fitted["auto"], truth) < 0.85 * distance(fitted["never"], truth)
    before, after, real = (measure(j, FPS, floor=None).jitter for j in (given_joints, fitted["auto"], truth))
    assert after < real + 0.5 * (before - real)


@pytest.mark.parametrize("refinement", ["never", "auto", "always"])
@pytest.mark.parametrize("verb", ACTIONS)
def test_clean_motion_is_matched_within_a_millimetre(body: Body, verb: str, refinement: str) -> None:
    joints = clip(EVERY_VERB.get(verb, f"a person {verb}s"), 60)
    fitted, rotations, root = pose_body(
        body, Motion(joints, FPS, "", "procedural"), BodyConfig("anny", refine=refinement)
    )
    assert distance(place_joints(fitted, rotations, root)[:, :22], joints) < 1.0


def _joints(fitted: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return fitted joints without the shift to the floor."""
    shift = np.median((fitted[:, :22] - wanted)[..., 1])
    return fitted[:, :22].astype(np.float64) - [0, shift, 0]


def test_standing_feet_do_not_slide(body: Body) -> None:
    given_joints = noisy(clip("a person kicks", 60))
    fitted = fit_motion(body, Motion(given_joints, FPS, "", "mdm"), BodyConfig("anny")).joints[:, :22]
    before, after = (measure(j.astype(np.float64), FPS, floor=None) for j in (given_joints, fitted))
    assert after.sliding < 0.3 * before.sliding
    assert after.bone_variation < 0.01


def test_a_single_outlier_does_not_displace_a_limb(body: Body) -> None:
    truth = clip("a person stands", 40)
    bad = truth.copy()
    bad[20, 20] += [0.0, 0.6, 0.3]
    fitted = fit_motion(body, Motion(bad, FPS, "", "mdm"), BodyConfig("anny", refine="always")).joints
    moved_by = np.linalg.norm(_joints(fitted, bad)[20, 20] - truth[20, 20])
    assert moved_by < 0.3


def test_auto_refines_only_learned_motion_and_stretching_bones(body: Body) -> None:
    clean = clip()
    assert not is_noisy(Motion(clean, FPS, "", "procedural"), "auto")
    assert not is_noisy(Motion(clean, FPS, "", "clip walk.bvh"), "auto")
    assert is_noisy(Motion(clean, FPS, "", "mdm_mini"), "auto")
    assert is_noisy(Motion(noisy(clean), FPS, "", "clip poses.npz"), "auto")
    assert not is_noisy(Motion(noisy(clean), FPS, "", "mdm"), "never")
    assert is_noisy(Motion(clean, FPS, "", "procedural"), "always")
    assert bone_variation(clean).mean() < 1e-3


def test_every_verb_has_a_prompt_that_the_source_knows() -> None:
    assert [parse_action(EVERY_VERB.get(verb, f"a person {verb}s")).verb for verb in ACTIONS] == list(ACTIONS)


def test_a_still_and_a_short_clip_can_be_refined(body: Body) -> None:
    for frames in (1, 2, 3):
        joints = np.repeat(clip(frames=1), frames, axis=0)
        fitted = fit_motion(body, Motion(noisy(joints, 0.001), FPS, "", "mdm"), BodyConfig("anny"))
        assert np.isfinite(fitted.vertices).all()


def test_the_noise_is_estimated_from_the_bones() -> None:
    assert noise_of(clip()) < 1e-4
    assert noise_of(noisy(clip(frames=120), 0.01)) == pytest.approx(0.01, rel=0.25)


def test_doubled_translation_goes_twice_as_far_with_the_same_poses(body: Body) -> None:
    motion = Motion(clip(), FPS, "", "procedural")
    once, twice = (fit_motion(body, motion, BodyConfig("anny", translation=t)) for t in ("correct", "doubled"))
    moved = twice.joints[:, 0] - once.joints[:, 0]
    root = once.joints[:, 0] - once.joints[0, 0]
    np.testing.assert_allclose(moved - moved[0], root, atol=1e-5)
    np.testing.assert_allclose(twice.joints - once.joints, np.repeat(moved[:, None], 24, axis=1), atol=1e-5)
    np.testing.assert_allclose(
        twice.vertices - once.vertices, np.broadcast_to(moved[:, None], once.vertices.shape), atol=1e-5
    )


def test_a_doubled_path_is_set_on_the_floor_after_it_is_doubled(body: Body) -> None:
    joints = clip()
    joints = joints + np.linspace(0, 1, len(joints))[:, None, None] * np.array([0.0, -0.5, 0.0])
    sunk = fit_motion(body, Motion(joints, FPS, "", "procedural"), BodyConfig("anny", translation="doubled"))
    assert abs(sunk.vertices[..., 1].min()) < 1e-5
    drop = sunk.joints[0, 0, 1] - sunk.joints[-1, 0, 1]
    assert drop == pytest.approx(2 * (joints[0, 0, 1] - joints[-1, 0, 1]), abs=0.02)


@pytest.mark.parametrize("verb", slow_except(ACTIONS, *QUICK))
def test_twists_never_jump(body: Body, verb: str) -> None:
    truth = clip(EVERY_VERB.get(verb, f"a person {verb}s"), 60)
    for joints in (truth, noisy(truth), noisy(truth, 0.02)):
        offsets = calibrate(body, joints).offsets
        first = solve_rotations(offsets, joints)
        for rotations in (first, refine(offsets, first, joints, FPS).rotations):
            assert largest_twist_step(rotations, offsets) <= np.rad2deg(LARGEST_STEP) + 1e-6


@pytest.mark.parametrize("refinement", ["never", "always"])
def test_a_sudden_twist_of_the_spine_is_spread_over_several_frames(body: Body, refinement: str) -> None:
    local = np.tile(np.eye(3), (12, 24, 1, 1))
    local[6:, [3, 6, 9]] = from_axis_angle(np.array([0.0, np.deg2rad(55.0), 0.0]))
    joints = forward_kinematics(body, local, np.tile([0.0, 1.0, 0.0], (12, 1)))[1][:, :22]
    raw = calibrate(body, joints)
    assert largest_twist_step(solve_rotations(raw.offsets, joints), raw.offsets) > 45
    fitted, rotations, root = pose_body(body, Motion(joints, FPS, "", "x"), BodyConfig("anny", refine=refinement))
    assert largest_twist_step(rotations, fitted.offsets) <= np.rad2deg(LARGEST_STEP) + 1e-6
    if refinement == "never":
        assert distance(place_joints(fitted, rotations, root)[:, :22], joints) < 0.1


def test_rotations_reproduce_the_fitted_joints(body: Body) -> None:
    joints = noisy(clip())
    fitted = calibrate(body, joints)
    result = refine(fitted.offsets, solve_rotations(fitted.offsets, joints), joints, FPS)
    placed = place_joints(fitted, result.rotations, result.root)[:, :22]
    assert distance(placed, joints) < 8


@given(frames=st.integers(1, 6), shared=st.integers(0, 2), seed=st.integers(0, 50))
def test_the_banded_solution_equals_the_dense_solution(frames: int, shared: int, seed: int) -> None:
    rng, unknowns = np.random.default_rng(seed), 6
    equations = NormalEquations(frames, unknowns, shared)
    rows, right = [], []

    def dense(parts: list[tuple[int, np.ndarray]], border: np.ndarray | None) -> np.ndarray:
        row = np.zeros((len(parts[0][1]), frames * unknowns + shared))
        for frame, block in parts:
            row[:, frame * unknowns : (frame + 1) * unknowns] += block
        if border is not None:
            row[:, frames * unknowns :] = border
        return row

    for touched in (1, 2, 3):
        count = frames - touched + 1
        if count < 1:
            continue
        residual = rng.normal(size=(count, 8))
        jacobians = [rng.normal(size=(count, 8, unknowns)) for _ in range(touched)]
        border = rng.normal(size=(count, 8, shared))
        equations.add(residual, jacobians, border)
        for s in range(count):
            rows.append(dense([(s + i, j[s]) for i, j in enumerate(jacobians)], border[s]))
            right.append(residual[s])
    matrix, residual = np.concatenate(rows), np.concatenate(right)
    system = matrix.T @ matrix
    damped = system + 0.1 * np.diag(np.diag(system))
    expected = -np.linalg.solve(damped, matrix.T @ residual)
    step, common = equations.solve(0.1)
    np.testing.assert_allclose(np.concatenate([step.ravel(), common]), expected, rtol=1e-6, atol=1e-8)


def test_differences_by_vector_equal_the_general_form() -> None:
    rng, frames, vectors, size = np.random.default_rng(0), 7, 2, 4
    jacobian = rng.normal(size=(frames, vectors, size, 3))
    residual, stencil = rng.normal(size=(frames - 2, vectors, size)), (1.0, -2.0, 1.0)
    quick, slow = NormalEquations(frames, 6, 0), NormalEquations(frames, 6, 0)
    quick.add_by_vector(residual, jacobian, stencil)
    full = np.zeros((frames, vectors * size, 6))
    for k in range(vectors):
        full[:, k * size : (k + 1) * size, 3 * k : 3 * k + 3] = jacobian[:, k]
    blocks = [c * full[i : i + frames - 2] for i, c in enumerate(stencil)]
    slow.add(residual.reshape(frames - 2, -1), blocks)
    np.testing.assert_allclose(quick.gradient, slow.gradient, atol=1e-12)
    np.testing.assert_allclose(quick.blocks, slow.blocks, atol=1e-12)
