"""Another frame rate: the same path in the same time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.errors import DataError
from latentman.motion.recorded.resample import MAX_FRAMES, at_frames, resample, whole
from latentman.motion.skeleton import PARENTS
from tests.factories.motion_clips import person


@given(
    length=st.integers(2, 60),
    fps=st.sampled_from([1.0, 12.5, 20.0, 23.976, 24.0, 25.0, 29.97, 30.0, 60.0, 100.0, 120.0]),
    target=st.sampled_from([1.0, 5.0, 10.0, 16.0, 20.0, 23.976, 30.0, 60.0, 120.0]),
)
def test_resampling_keeps_the_ends_and_the_path(length, fps, target):
    times = np.arange(length) / fps
    joints = np.stack([times, 1 - times, np.zeros(length)], axis=-1)[:, None]  # a straight line in time
    out = resample(joints, fps, target)
    np.testing.assert_array_equal(out[0], joints[0])
    np.testing.assert_allclose(out[:, 0, 0], np.arange(len(out)) / target, atol=1e-6)
    assert times[-1] - 1 / target < out[-1, 0, 0] + 1e-6
    assert out[-1, 0, 0] <= times[-1] + 1e-6


def test_a_whole_ratio_takes_frames_as_they_are():
    joints = person(num_frames=121, fps=120.0)
    np.testing.assert_array_equal(resample(joints, 120.0, 20.0), joints[::6])
    np.testing.assert_array_equal(resample(joints, 20.0, 20.0), joints)


@pytest.mark.parametrize(("fps", "target"), [(0.0, 20.0), (30.0, 0.0), (float("nan"), 20.0)])
def test_a_rate_that_is_none_is_refused(fps, target):
    with pytest.raises(DataError, match="both must be above 0"):
        resample(person(), fps, target)


def test_more_frames_than_are_allowed_are_refused_before_they_are_made():
    with pytest.raises(DataError, match=rf"become 3\.9e\+10 at 2e\+10 a second, more than the {MAX_FRAMES}"):
        resample(person(), 20.0, 2e10)


def test_whole_frames_are_the_frames_themselves():
    joints = person()
    np.testing.assert_array_equal(at_frames(joints, np.array([3.0, 3.5, 4.0, 4.5, 5.0]))[::2], joints[3:6])
    np.testing.assert_array_equal(at_frames(joints, np.array([1.0, 3.0, 5.0])), joints[1:6:2])


def slow_cubic(points, frame):
    """Catmull and Rom's curve through four points, from its definition by four weights."""
    i = min(int(frame), len(points) - 2)
    t = frame - i
    before = points[i - 1] if i else 2 * points[0] - points[1]
    after = points[i + 2] if i + 2 < len(points) else 2 * points[-1] - points[-2]
    p = (before, points[i], points[i + 1], after)
    w = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
    return sum(a * b for a, b in zip(w, p, strict=True)) / 2


def test_between_frames_joints_follow_the_cubic():
    joints = person("a person kicks", 12)
    frames = np.arange(0, 11.01, 0.25)
    np.testing.assert_allclose(at_frames(joints, frames), [slow_cubic(joints, f) for f in frames], atol=1e-12)


def test_bones_keep_their_length_where_frames_are_put_between():
    fine = person("a person walks", 121, 120.0)
    coarse = fine[::6]
    error = np.linalg.norm(resample(coarse, 20.0, 120.0) - fine, axis=-1)
    assert np.median(error) < 1e-3

    def lengths(joints):
        return np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)

    np.testing.assert_allclose(
        lengths(resample(coarse, 20.0, 120.0)), np.tile(lengths(coarse[:1]), (121, 1)), rtol=0.01
    )


@pytest.mark.parametrize(
    ("ratio", "expected"), [(1, True), (6.0000000001, True), (1.5, False), (0.5, False), (0, False)]
)
def test_whole_ratios(ratio, expected):
    assert whole(ratio) == expected
