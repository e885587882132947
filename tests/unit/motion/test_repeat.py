"""A motion that begins again where it ended."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.errors import DataError
from latentman.motion.humanml3d import heading
from latentman.motion.repeat import repeated
from latentman.motion.window import cut
from latentman.types import Motion
from tests.unit.motion.bvh_files import walk

TEXTS = [
    "a person walks",
    "a person runs",
    "a person kicks",
    "a person turns around",
    "a person waves",
    "a person jumps",
    "a person stands",
]


def steps(joints):
    return np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(axis=-1)


@given(
    text=st.sampled_from(TEXTS),
    start=st.integers(0, 30),
    length=st.integers(2, 30),
    wanted=st.integers(1, 150),
)
def test_no_joint_ever_moves_faster_than_in_the_clip_itself(text, start, length, wanted):
    clip = walk(text, 60)[start : start + length]
    looped = repeated(clip, wanted)
    assert looped.shape == (wanted, 22, 3)
    np.testing.assert_array_equal(looped[:length], clip[:wanted])
    if wanted > 1:
        assert steps(looped).max() <= steps(clip).max() + 1e-9


def test_a_walk_goes_on_along_its_way():
    clip = walk("a person walks", 40)
    looped = repeated(clip, 200)
    travelled = looped[-1, 0, 2] / clip[-1, 0, 2]
    assert 4.0 < travelled < 5.2
    assert abs(looped[-1, 0, 0]) < 0.5


def test_a_turn_turns_on():
    clip = walk("a person turns around", 40)
    gained = heading(clip[-1:])[0] - heading(clip[:1])[0]
    looped = repeated(clip, 2 * len(clip) - 1)
    after = heading(looped[-1:])[0] - heading(looped[len(clip) - 1 : len(clip)])[0]
    assert np.cos(after - gained) > 0.95


def test_a_clip_that_ends_as_it_began_is_repeated_as_it_is():
    one = np.sin(np.linspace(0, 2 * np.pi, 21))
    clip = np.tile(walk("a person stands", 1), (21, 1, 1))
    clip[:, 20, 1] += 0.1 * one
    looped = repeated(clip, 41)
    np.testing.assert_allclose(looped[20:], clip, atol=1e-9)


def test_a_single_pose_and_a_still_clip_stay():
    pose = walk(num_frames=1)
    np.testing.assert_allclose(repeated(pose, 5), np.tile(pose, (5, 1, 1)), atol=1e-12)
    still = np.tile(pose, (3, 1, 1))
    np.testing.assert_allclose(repeated(still, 8), np.tile(pose, (8, 1, 1)), atol=1e-12)


def motion(num_frames):
    return Motion(walk(num_frames=num_frames), 20.0, "a person walks", "clip walk.bvh")


def test_a_short_motion_is_an_error_that_names_the_option():
    with pytest.raises(DataError, match=r"clip walk\.bvh has 10 frames.*motion\.if_short=hold.*motion\.if_short=loop"):
        cut(motion(10), num_frames=8, stride=2, start="auto", if_short="error")


def test_hold_repeats_the_last_pose():
    shown = cut(motion(10), num_frames=8, stride=2, start="auto", if_short="hold")
    np.testing.assert_array_equal(shown.joints[:5], motion(10).joints[:10:2])
    np.testing.assert_array_equal(shown.joints[5:], np.tile(motion(10).joints[-1:], (3, 1, 1)))


def test_loop_begins_again():
    shown = cut(motion(10), num_frames=16, stride=2, start="2", if_short="loop")
    np.testing.assert_array_equal(shown.joints, repeated(motion(10).joints, 33)[2:33:2])


@pytest.mark.parametrize("if_short", ["hold", "loop"])
def test_a_long_motion_is_cut_as_ever(if_short):
    expected = cut(motion(40), num_frames=8, stride=2, start="auto")
    got = cut(motion(40), num_frames=8, stride=2, start="auto", if_short=if_short)
    np.testing.assert_array_equal(got.joints, expected.joints)


@pytest.mark.parametrize("if_short", ["error", "hold", "loop"])
def test_a_start_after_the_end_is_always_an_error(if_short):
    with pytest.raises(DataError, match=r"has 10 frames.*motion\.start=10 needs 13.*lower.*motion\.start"):
        cut(motion(10), num_frames=2, stride=2, start="10", if_short=if_short)
