"""Quality measures of a motion: values of motions with known answers, and invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.errors import DataError, ShapeError
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.quality import bone_variation, contact_labels, floor_height, jitter, measure
from latentman.motion.skeleton import PARENTS, about_y

FPS = 20.0


def clip(prompt: str = "a person walks", frames: int = 40) -> np.ndarray:
    return ProceduralSource(FPS)(prompt, num_frames=frames, seed=0).joints.copy()


def still(frames: int = 30) -> np.ndarray:
    return np.repeat(clip("a person stands", 1), frames, axis=0)


def test_a_body_at_rest_has_perfect_values() -> None:
    quality = measure(still(), FPS, floor=None)
    assert quality.sliding == quality.longest_slide == quality.jitter == quality.root_speed == 0
    assert quality.bone_variation < 1e-9
    assert quality.contact_share == 1


def test_a_gliding_body_slides_at_its_gliding_speed() -> None:
    joints = still()
    joints[..., 2] += 0.2 * np.arange(30)[:, None] / FPS
    quality = measure(joints, FPS, floor=None)
    assert quality.sliding == pytest.approx(0.2)
    assert quality.root_speed == pytest.approx(0.2)
    assert quality.longest_slide == pytest.approx(0.2 * 29 / FPS)


def test_planted_feet_do_not_slide() -> None:
    assert measure(clip(), FPS, floor=None).longest_slide < 0.015
    assert measure(clip("a person waves"), FPS, floor=None).sliding < 1e-6


def test_a_foot_below_the_floor_is_counted_at_its_depth() -> None:
    joints = still()
    joints[:10, :, 1] -= floor_height(joints) + 0.03
    joints[10:, :, 1] -= floor_height(joints[10:])
    assert measure(joints, FPS, floor=0.0).penetration == pytest.approx(0.01)


def test_jitter_equals_explicit_third_differences() -> None:
    joints, total, count = clip("a person dances"), 0.0, 0
    for t in range(len(joints) - 3):
        for joint in range(22):
            third = joints[t + 3, joint] - 3 * joints[t + 2, joint] + 3 * joints[t + 1, joint] - joints[t, joint]
            total, count = total + float(np.linalg.norm(third)) * FPS**3, count + 1
    assert jitter(joints, FPS) == pytest.approx(total / count)


def test_a_single_bone_of_varying_length_is_detected() -> None:
    joints = still(100)
    wave = 1 + 0.05 * np.sin(np.arange(100))
    joints[:, 20] = joints[:, 18] + wave[:, None] * (joints[:, 20] - joints[:, 18])
    variation = bone_variation(joints)
    assert variation[19] == pytest.approx(0.05 / np.sqrt(2), rel=0.05)
    assert np.delete(variation, 19).max() < 1e-9


def test_only_low_and_slow_feet_are_in_contact() -> None:
    joints = still()
    joints[:, 10, 1] += np.linspace(0, 0.3, 30)
    joints[:, 11, 2] += np.arange(30) * 0.3 / FPS
    labels = contact_labels(joints, FPS, floor=floor_height(still()))
    assert not labels[10:, 2].any()
    assert not labels[:, 3].any()


@given(yaw=st.floats(-3, 3), x=st.floats(-4, 4), z=st.floats(-4, 4))
def test_the_position_and_heading_of_a_clip_change_nothing(yaw: float, x: float, z: float) -> None:
    joints = clip("a person kicks", 20)
    moved = joints @ about_y(np.asarray(yaw)).T + np.array([x, 0, z])
    one, other = measure(joints, FPS), measure(moved, FPS)
    for name in ("sliding", "longest_slide", "penetration", "jitter", "bone_variation", "root_speed", "contact_share"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-6)


@pytest.mark.slow
@given(factor=st.floats(0.5, 2))
def test_the_frame_rate_scales_speeds_and_jitter(factor: float) -> None:
    joints = clip(frames=20)
    assert jitter(joints, factor * FPS) == pytest.approx(factor**3 * jitter(joints, FPS))
    assert measure(joints, factor * FPS).root_speed == pytest.approx(factor * measure(joints, FPS).root_speed)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_values_that_need_more_frames_are_nan_for_short_clips(frames: int) -> None:
    quality = measure(clip(frames=frames), FPS)
    assert np.isnan(quality.jitter)
    assert np.isnan(quality.root_speed) == (frames == 1)


@pytest.mark.parametrize(
    ("joints", "fps", "error"),
    [
        (np.zeros((4, 21, 3)), 20.0, ShapeError),
        (np.zeros((0, 22, 3)), 20.0, DataError),
        (np.full((4, 22, 3), np.nan), 20.0, DataError),
        (np.zeros((4, 22, 3)), 0.0, DataError),
    ],
)
def test_arrays_that_are_not_motions_are_refused(joints: np.ndarray, fps: float, error: type[Exception]) -> None:
    with pytest.raises(error):
        measure(joints, fps)


def test_further_joints_are_ignored() -> None:
    joints = clip(frames=10)
    more = np.concatenate([joints, np.random.default_rng(0).normal(size=(10, 2, 3))], axis=1)
    assert measure(more, FPS) == measure(joints, FPS)
    assert len(PARENTS) == 22
