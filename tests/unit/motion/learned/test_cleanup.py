"""The repair of learned motion: constant bone lengths and standing feet, without other changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.motion.learned.cleanup import clean, find_contacts, hold_feet, reach_ankle, with_template_bones
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.quality import measure
from latentman.motion.skeleton import BONE_LENGTHS, PARENTS, about_y
from latentman.motion.vocabulary import VERBS

FPS = 20.0


def clip(prompt: str = "a person walks", frames: int = 60, seed: int = 0) -> np.ndarray:
    return ProceduralSource(FPS)(prompt, num_frames=frames, seed=seed).joints.copy()


def gliding(joints: np.ndarray, speed: float = 0.25) -> np.ndarray:
    """Return the clip with the whole body drifting over the floor, as in learned motion."""
    time = np.arange(len(joints)) / FPS
    return joints + np.stack([speed * np.sin(time), 0 * time, speed * time], axis=-1)[:, None]


def breathing(joints: np.ndarray) -> np.ndarray:
    """Return the clip with bone lengths that vary by a few percent."""
    wave = 1 + 0.04 * np.sin(np.arange(len(joints))[:, None] * 0.7 + np.arange(22))
    result = joints.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        result[:, joint] = result[:, parent] + wave[:, joint, None] * (joints[:, joint] - joints[:, parent])
    return result


def lengths(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)


@pytest.mark.parametrize("verb", VERBS)
def test_bones_get_the_lengths_of_the_template(verb: str) -> None:
    result = with_template_bones(breathing(clip(f"a person {verb}s", 30)))
    np.testing.assert_allclose(lengths(result), np.tile(BONE_LENGTHS[1:], (30, 1)), atol=1e-9)


def test_wide_hips_get_the_templates_width_and_feet_do_not_move() -> None:
    joints = clip()
    wide = joints.copy()
    across = joints[:, 1] - joints[:, 2]
    for side, sign in (((1, 4, 7, 10), 0.4), ((2, 5, 8, 11), -0.4)):
        wide[:, side] += sign * across[:, None]
    result = with_template_bones(wide)
    width = np.linalg.norm(result[:, 1] - result[:, 2], axis=-1)
    np.testing.assert_allclose(width, np.linalg.norm(across, axis=-1), atol=0.004)
    assert np.abs(result[:, [7, 8]] - wide[:, [7, 8]]).mean() < 0.02


def test_a_motion_with_the_templates_bones_is_unchanged() -> None:
    joints = clip("a person dances")
    assert np.abs(with_template_bones(joints) - joints).max() < 0.01


def test_feet_keep_their_height_if_bone_lengths_change() -> None:
    joints = breathing(clip())
    ankles = [7, 8]
    assert np.abs(with_template_bones(joints)[:, ankles] - joints[:, ankles]).mean() < 0.02


@pytest.mark.parametrize("prompt", ["a person walks", "a person dances", "a person kicks", "a person walks slowly"])
def test_standing_feet_stop_gliding(prompt: str) -> None:
    bad = breathing(gliding(clip(prompt)))
    before, after = measure(bad, FPS, floor=None), measure(clean(bad, FPS), FPS)
    assert after.contact_share > before.contact_share
    assert after.sliding < 0.6 * before.sliding
    assert after.bone_variation < 1e-6
    assert after.jitter < 1.5 * before.jitter + 5


def test_a_held_foot_does_not_move_at_all() -> None:
    joints = gliding(clip())
    contacts = find_contacts(joints, FPS)
    assert {contact.side for contact in contacts} == {0, 1}
    result = hold_feet(joints, contacts, FPS)
    for contact in contacts:
        path = result[contact.first : contact.end, 10 + contact.side]
        assert np.ptp(path[:, [0, 2]], axis=0).max() < 0.02  # a leg at its full extension may deviate slightly
        assert np.median(np.linalg.norm(np.diff(path[:, [0, 2]], axis=0), axis=-1)) < 1e-4


def test_swinging_and_flying_feet_are_not_held() -> None:
    run = clip("a person runs", 40)
    held = {(c.side, frame) for c in find_contacts(run, FPS) for frame in range(c.first, c.end)}
    for side, toe in ((0, 10), (1, 11)):
        speed = np.linalg.norm(np.gradient(run[:, toe], axis=0), axis=-1) * FPS
        assert not {frame for frame in np.flatnonzero(speed > 2.0) if (side, int(frame)) in held}


def test_the_whole_path_is_still_covered() -> None:
    joints = clip("a person walks forward", 80)
    travelled = [np.linalg.norm(j[-1, 0] - j[0, 0]) for j in (joints, clean(joints, FPS))]
    assert travelled[1] == pytest.approx(travelled[0], rel=0.05)


def test_switched_off_parts_change_nothing() -> None:
    joints = breathing(clip())
    np.testing.assert_array_equal(clean(joints, FPS, template_bones=False, foot_lock=False), joints)
    only_bones = clean(joints, FPS, foot_lock=False)
    np.testing.assert_array_equal(only_bones, with_template_bones(joints))


@given(yaw=st.floats(-3, 3), x=st.floats(-3, 3))
def test_the_position_and_heading_of_the_clip_do_not_matter(yaw: float, x: float) -> None:
    joints, turn = gliding(clip(frames=30)), about_y(np.asarray(yaw))
    moved = joints @ turn.T + np.array([x, 0, 0])
    np.testing.assert_allclose(clean(moved, FPS), clean(joints, FPS) @ turn.T + np.array([x, 0, 0]), atol=1e-8)


@pytest.mark.slow
@given(seed=st.integers(0, 1000))
def test_a_leg_reaches_any_point_within_reach_and_keeps_its_bone_lengths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    joints = clip(frames=8, seed=seed)
    before = lengths(joints)
    wanted = joints[:, 7] + rng.normal(0, 0.15, (8, 3))
    reach_ankle(joints, (1, 4, 7, 10), wanted)
    np.testing.assert_allclose(lengths(joints), before, atol=1e-9)
    far = np.linalg.norm(wanted - joints[:, 1], axis=-1) > 0.9995 * (before[:, 3] + before[:, 6])
    error = np.linalg.norm(joints[:, 7] - wanted, axis=-1)
    assert error[~far].max(initial=0.0) < 1e-6
    for frame in np.flatnonzero(far):  # out of reach: on the line from the hip
        line, had = wanted[frame] - joints[frame, 1], joints[frame, 7] - joints[frame, 1]
        assert np.linalg.norm(np.cross(line, had)) < 1e-6 * np.linalg.norm(line)


def test_a_straight_leg_bends_its_knee_forward() -> None:
    joints = clip("a person stands", 2)
    hip = joints[:, 1]
    joints[:, 4] = hip - np.array([0, 0.39, 0])
    joints[:, 7] = hip - np.array([0, 0.82, 0])
    joints[:, 10] = joints[:, 7] + np.array([0, 0, 0.14])
    reach_ankle(joints, (1, 4, 7, 10), hip + np.array([0, -0.7, 0]))
    assert (joints[:, 4, 2] > hip[:, 2] + 0.1).all()
