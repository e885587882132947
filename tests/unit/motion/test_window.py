"""The part of a motion that the video shows."""

import numpy as np
import pytest

from latentman.errors import ConfigError, DataError
from latentman.motion.window import cut
from latentman.types import Motion


def make_motion(num_frames, moving=range(0)):
    joints = np.zeros((num_frames, 22, 3))
    for frame in range(1, num_frames):
        joints[frame] = joints[frame - 1] + (0.1 if frame in moving else 0.0)
    return Motion(joints + np.arange(num_frames)[:, None, None] * 1e-7, 20.0, "a person walks", "test")


def test_every_stride_th_frame_from_the_given_start():
    motion = make_motion(30, range(30))
    part = cut(motion, num_frames=5, stride=3, start="4")
    np.testing.assert_array_equal(part.joints, motion.joints[[4, 7, 10, 13, 16]])
    assert part.fps == pytest.approx(20 / 3)
    assert (part.text, part.source) == (motion.text, motion.source)


def test_auto_chooses_the_window_that_moves_most():
    motion = make_motion(60, range(31, 41))
    part = cut(motion, num_frames=6, stride=2, start="auto")
    travelled = [np.linalg.norm(np.diff(motion.joints[s : s + 11], axis=0), axis=-1).sum() for s in range(50)]
    first = int(np.argmax(travelled))
    np.testing.assert_allclose(part.joints, motion.joints[first : first + 11 : 2])
    assert np.ptp(part.joints[:, 0, 0]) == pytest.approx(1.0, abs=1e-4)


def test_auto_chooses_the_start_if_all_windows_are_equal():
    motion = make_motion(20)
    np.testing.assert_array_equal(cut(motion, num_frames=3, stride=2, start="auto").joints, motion.joints[:5:2])


def test_a_motion_of_exactly_the_required_length_is_enough():
    assert len(cut(make_motion(15), num_frames=8, stride=2, start="auto").joints) == 8


@pytest.mark.parametrize(("start", "needed"), [("auto", 15), ("3", 18)])
def test_a_motion_that_is_too_short_is_reported_with_both_lengths(start, needed):
    with pytest.raises(DataError, match=rf"has 14 frames.*needs {needed}.*num_frames.*motion\.stride"):
        cut(make_motion(14), num_frames=8, stride=2, start=start)


@pytest.mark.parametrize("start", ["-1", "middle", ""])
def test_a_start_that_is_not_a_frame_is_refused(start):
    with pytest.raises(ConfigError, match=r"motion\.start"):
        cut(make_motion(20), num_frames=4, stride=2, start=start)


def test_counts_below_one_are_refused():
    with pytest.raises(ConfigError, match=r"num_frames=0"):
        cut(make_motion(20), num_frames=0, stride=2, start="auto")
