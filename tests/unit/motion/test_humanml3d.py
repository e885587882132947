"""HumanML3D's features: round trips, and comparison with a slow implementation frame by frame."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.errors import DataError, ShapeError, WeightsError
from latentman.motion.humanml3d import (
    CONTACTS,
    RIC,
    ROOT_YAW,
    ROTATIONS,
    VELOCITIES,
    Statistics,
    canonicalise,
    features,
    heading,
    mirror,
    recover,
    retarget,
)
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.skeleton import BONE_LENGTHS, PARENTS, about_y
from latentman.motion.vocabulary import VERBS

PROMPTS = [f"a person {verb}s" for verb in VERBS] + ["a person walks in a circle", "a person turns around quickly"]
CHAINS = [[0, 2, 5, 8, 11], [0, 1, 4, 7, 10], [0, 3, 6, 9, 12, 15], [9, 14, 17, 19, 21], [9, 13, 16, 18, 20]]
UP, DOWN, LEFT, AHEAD = np.array([0, 1.0, 0]), np.array([0, -1.0, 0]), np.array([1.0, 0, 0]), np.array([0, 0, 1.0])


def clip(prompt: str = "a person walks in a circle", frames: int = 60, seed: int = 0) -> np.ndarray:
    return canonicalise(ProceduralSource()(prompt, num_frames=frames, seed=seed).joints)


def spun(joints: np.ndarray, turns: float) -> np.ndarray:
    """Return the clip turned about the vertical through x = z = 0, evenly, by so many full turns."""
    return np.einsum("tij,tkj->tki", about_y(np.linspace(0, 2 * math.pi * turns, len(joints))), joints)


# The published recipe, one frame and one joint at a time, with quaternions (w, x, y, z).


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    vector = a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])
    return np.array([a[0] * b[0] - a[1:] @ b[1:], *vector])


def inverse(q: np.ndarray) -> np.ndarray:
    return q * np.array([1, -1, -1, -1.0])


def turn(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    return product(product(q, np.array([0, *v])), inverse(q))[1:]


def between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    q = np.array([1 + a @ b, *np.cross(a, b)])
    return q / np.linalg.norm(q)


def rest_direction(joint: int) -> np.ndarray:
    table = {1: LEFT, 13: LEFT, 2: -LEFT, 14: -LEFT, 3: UP, 6: UP, 9: UP, 12: UP, 10: AHEAD, 11: AHEAD, 15: AHEAD}
    return table.get(joint, DOWN)


def slow_forward(joints: np.ndarray) -> np.ndarray:
    """Return the forward directions with swapped hips, smoothed by a truncated Gaussian with edges held."""
    raw = []
    for frame in joints:
        across = (frame[1] - frame[2]) + (frame[17] - frame[16])
        raw.append(np.cross(UP, across / np.linalg.norm(across)))
    kernel = np.exp(-0.5 * (np.arange(-80, 81) / 20.0) ** 2)
    smooth = []
    for t in range(len(raw)):
        held = [raw[min(max(t + k, 0), len(raw) - 1)] for k in range(-80, 81)]
        total = sum(weight * vector for weight, vector in zip(kernel / kernel.sum(), held, strict=True))
        smooth.append(total / np.linalg.norm(total))
    return np.array(smooth)


def slow_features(joints: np.ndarray) -> np.ndarray:
    facing = [between(forward, AHEAD) for forward in slow_forward(joints)]
    facing[0] = np.array([1.0, 0, 0, 0])
    rows = []
    for t in range(len(joints) - 1):
        delta = product(facing[t + 1], inverse(facing[t]))
        delta = -delta if delta[0] < 0 else delta
        step = turn(facing[t + 1], joints[t + 1, 0] - joints[t, 0])
        row = [math.asin(delta[2]), step[0], step[2], joints[t, 0, 1]]
        for joint in range(1, 22):
            row += [*turn(facing[t], joints[t, joint] - joints[t, 0] * np.array([1, 0, 1.0]))]
        local = {}
        for chain in CHAINS:
            above = facing[t]
            for parent, joint in pairwise(chain):
                whole = between(rest_direction(joint), joints[t, joint] - joints[t, parent])
                local[joint] = product(inverse(above), whole)
                above = whole
        for joint in range(1, 22):
            row += [*turn(local[joint], LEFT), *turn(local[joint], UP)]
        for joint in range(22):
            row += [*turn(facing[t], joints[t + 1, joint] - joints[t, joint])]
        row += [float(((joints[t + 1, foot] - joints[t, foot]) ** 2).sum() < 0.002) for foot in (7, 10, 8, 11)]
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("prompt", ["a person walks in a circle", "a person kicks", "a person dances"])
def test_features_equal_a_slow_implementation_of_the_recipe(prompt: str) -> None:
    joints = clip(prompt, frames=40)
    np.testing.assert_allclose(features(joints), slow_features(joints), atol=1e-9)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_joints_are_recovered_from_their_features(prompt: str) -> None:
    joints = clip(prompt)
    assert np.abs(recover(features(joints)) - joints[:-1]).max() < 1e-6
    assert np.abs(recover(features(joints).astype(np.float32)) - joints[:-1]).max() < 1e-5


@pytest.mark.slow
@given(turns=st.floats(-3, 3), frames=st.integers(60, 120), seed=st.integers(0, 5))
def test_full_turns_do_not_bend_the_path(turns: float, frames: int, seed: int) -> None:
    joints = canonicalise(spun(clip("a person walks", frames, seed), turns))
    assert np.abs(recover(features(joints)) - joints[:-1]).max() < 1e-6


@pytest.mark.slow
@given(yaw=st.floats(-7, 7), x=st.floats(-5, 5), z=st.floats(-5, 5))
def test_the_start_and_heading_of_a_clip_do_not_matter(yaw: float, x: float, z: float) -> None:
    joints = clip()
    moved = joints @ about_y(np.asarray(yaw)).T + np.array([x, 0, z])
    np.testing.assert_allclose(canonicalise(moved), joints, atol=1e-9)
    np.testing.assert_allclose(features(canonicalise(moved)), features(joints), atol=1e-9)


@pytest.mark.parametrize("prompt", ["a person kicks with the left leg", "a person walks in a circle"])
def test_the_mirror_image_is_recovered_too_and_mirroring_twice_gives_the_clip(prompt: str) -> None:
    joints = clip(prompt)
    image = canonicalise(mirror(joints))
    assert np.abs(recover(features(image)) - image[:-1]).max() < 1e-6
    np.testing.assert_array_equal(mirror(mirror(joints)), joints)
    left, right = features(joints), features(image)
    np.testing.assert_allclose(left[:, ROOT_YAW], -right[:, ROOT_YAW], atol=1e-9)
    np.testing.assert_array_equal(left[:, CONTACTS], right[:, CONTACTS][:, [2, 3, 0, 1]])


def test_the_yaw_feature_is_half_the_turn_of_the_smoothed_heading() -> None:
    joints = canonicalise(spun(clip("a person stands", 80), 0.5))
    yaw = np.unwrap(heading(joints, smooth=True, swapped_hips=True))
    np.testing.assert_allclose(features(joints)[1:, 0], -np.diff(yaw)[1:] / 2, atol=1e-9)


def test_the_decoder_does_not_use_rotations_velocities_or_contacts() -> None:
    values = features(clip())
    changed = values.copy()
    changed[:, ROTATIONS] = 7.0
    changed[:, VELOCITIES] = 7.0
    changed[:, CONTACTS] = 7.0
    np.testing.assert_array_equal(recover(values), recover(changed))
    changed[:, RIC] += 0.1
    assert np.abs(recover(values) - recover(changed)).max() > 0.05


def test_heading_is_the_direction_that_the_body_faces() -> None:
    joints = clip("a person stands", 2)
    for yaw in (-3.0, -1.0, 0.0, 0.5, 2.5):
        assert heading(joints @ about_y(np.asarray(yaw)).T)[0] == pytest.approx(yaw)


def test_retargeting_keeps_directions_and_gives_the_templates_bones() -> None:
    joints = clip("a person dances") * 1.3
    joints[:, 15] += 0.2 * (joints[:, 15] - joints[:, 12])
    result = retarget(joints)
    for joint in range(1, 22):
        bone, before = (a[:, joint] - a[:, PARENTS[joint]] for a in (result, joints))
        length = np.linalg.norm(bone, axis=-1)
        np.testing.assert_allclose(length, BONE_LENGTHS[joint], atol=1e-9)
        np.testing.assert_allclose(
            bone / length[:, None], before / np.linalg.norm(before, axis=-1, keepdims=True), atol=1e-9
        )
    np.testing.assert_allclose(result[:, 0], joints[:, 0] / 1.3, rtol=1e-6)


def test_retargeting_the_template_changes_nothing() -> None:
    joints = clip()
    np.testing.assert_allclose(retarget(joints), joints, atol=1e-9)


@pytest.mark.parametrize(
    ("joints", "error", "message"),
    [
        (np.zeros((4, 21, 3)), ShapeError, "(4, 21, 3)"),
        (np.zeros((1, 22, 3)), DataError, "1 frames are too few"),
        (np.full((4, 22, 3), np.nan), DataError, "not finite"),
    ],
)
def test_unusable_joints_are_refused(joints: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message.replace("(", r"\(").replace(")", r"\)")):
        features(joints)


def test_a_leg_without_length_is_refused() -> None:
    joints = clip()
    joints[:, [5, 8]] = joints[:, [2]]
    with pytest.raises(DataError, match="right leg has no length"):
        retarget(joints)


@pytest.mark.parametrize(
    ("values", "error"),
    [(np.zeros((3, 262)), ShapeError), (np.zeros((0, 263)), DataError), (np.full((3, 263), np.inf), DataError)],
)
def test_unusable_features_are_refused(values: np.ndarray, error: type[Exception]) -> None:
    with pytest.raises(error, match="features"):
        recover(values)


def write_statistics(folder: Path, mean: np.ndarray, std: np.ndarray) -> None:
    np.save(folder / "Mean.npy", mean)
    np.save(folder / "Std.npy", std)


def test_normalisation_is_inverted_by_denormalisation(tmp_path: Path) -> None:
    values = features(clip())
    write_statistics(tmp_path, values.mean(0), values.std(0) + 0.1)
    statistics = Statistics.read(tmp_path)
    np.testing.assert_allclose(statistics.denormalise(statistics.normalise(values)), values, atol=1e-12)
    assert abs(statistics.normalise(values).mean()) < 1e-9


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        (np.zeros(251), np.ones(251), r"expected \(263,\), got \(251,\)"),
        (np.full(263, np.nan), np.ones(263), "Mean.npy holds values that are not finite"),
        (np.zeros(263), np.zeros(263), "Std.npy must be above 0"),
    ],
)
def test_wrong_statistics_are_refused(tmp_path: Path, mean: np.ndarray, std: np.ndarray, message: str) -> None:
    write_statistics(tmp_path, mean, std)
    with pytest.raises(WeightsError, match=message):
        Statistics.read(tmp_path)


def test_missing_and_pickled_statistics_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no Mean.npy in"):
        Statistics.read(tmp_path)
    np.save(tmp_path / "Mean.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(WeightsError, match="cannot read"):
        Statistics.read(tmp_path)
