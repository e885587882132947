"""Which part of a motion the video shows, and how fast."""

from dataclasses import replace

import numpy as np
import pytest

from latentman.config import MotionConfig
from latentman.errors import ConfigError, DataError
from latentman.motion.build import build
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.recorded.resample import MAX_FRAMES
from latentman.motion.window import cut, pace
from latentman.types import Motion
from tests.factories.motion_clips import person


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


RATES = (1, 5, 8, 10, 12, 15, 16, 23.976, 24, 25, 30, 48, 60, 120)
SECONDS = 3


def shown(source, cfg, fps):
    """Return what a video of three seconds shows of a source, as the motion stage makes it."""
    num_frames = round(SECONDS * fps) + 1
    paced = pace(cfg, fps=fps, num_frames=num_frames)
    motion = source(paced.source_fps, paced.needed)
    return cut(motion, num_frames=num_frames, stride=paced.stride, start="0")


def speed(motion, fps):
    """Return metres along Z in a second of the video."""
    return (motion.joints[-1, 0, 2] - motion.joints[0, 0, 2]) * fps / (len(motion.joints) - 1)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("text", ["a person walks", "a person runs"])
def test_procedural_motion_has_its_speed_at_every_frame_rate(fps, text):
    def source(rate, needed):
        return ProceduralSource(rate)(text, num_frames=needed, seed=0)

    seconds = round(SECONDS * fps) / fps
    fine = source(240.0, round(seconds * 240) + 1)
    motion = shown(source, MotionConfig(name="procedural"), fps)
    assert motion.fps == pytest.approx(fps)
    assert speed(motion, fps) == pytest.approx(fine.joints[-1, 0, 2] / seconds, rel=1e-3)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("recorded", [1.0, 12.5, 20.0, 23.976, 25.0, 29.97, 30.0, 50.0, 60.0, 100.0, 120.0, 240.0])
def test_a_recording_has_its_speed_at_every_frame_rate(tmp_path, fps, recorded):
    joints = np.tile(person("a person stands", 1), (round((SECONDS + 2) * recorded) + 1, 1, 1))
    joints[..., 2] += 1.3 * np.arange(len(joints))[:, None] / recorded
    np.savez(tmp_path / "glide.npz", joints=joints, fps=recorded)
    cfg = MotionConfig(name="clip", file=str(tmp_path / "glide.npz"))

    def source(rate, needed):
        return build(replace(cfg, fps=rate))("a person glides", num_frames=needed, seed=0)

    assert speed(shown(source, cfg, fps), fps) == pytest.approx(1.3, rel=1e-3)


@pytest.mark.parametrize("fps", RATES)
def test_a_learned_motion_has_its_speed_at_every_frame_rate(fps, learned):
    def source(rate, needed):
        assert rate == learned.fps == 20.0
        return learned

    motion = shown(source, MotionConfig(name="mdm_mini"), fps)
    times = np.arange(len(motion.joints)) / fps
    at = np.arange(len(learned.joints)) / 20.0
    for axis in range(3):
        path = np.interp(times, at, learned.joints[:, 0, axis])
        np.testing.assert_allclose(motion.joints[:, 0, axis], path, atol=4e-3)
    seconds = times[-1]
    travelled = np.interp(seconds, at, learned.joints[:, 0, 2]) - learned.joints[0, 0, 2]
    assert speed(motion, fps) == pytest.approx(travelled / seconds, rel=1e-3)


@pytest.fixture(scope="module")
def learned():
    """A motion of the model that ships, which makes 20 frames a second and no other rate."""
    return build(MotionConfig(name="mdm_mini", checkpoint="asset:mini-mdm"))("a person walks", num_frames=2, seed=0)


@pytest.mark.parametrize("fps", [10, 20])
def test_the_default_rates_show_the_very_frames_of_before(fps):
    cfg = MotionConfig(name="procedural")
    paced = pace(cfg, fps=fps, num_frames=8)
    stride = 20 // fps
    assert (paced.source_fps, paced.stride, paced.needed) == (20.0, stride, 7 * stride + 1)
    motion = ProceduralSource(20.0)("a person dances", num_frames=paced.needed, seed=1)
    part = cut(motion, num_frames=8, stride=paced.stride, start="auto")
    assert part.joints.tobytes() == np.ascontiguousarray(motion.joints[::stride]).tobytes()
    assert part.fps == fps


def test_an_explicit_stride_shows_every_stride_th_frame_whatever_the_rate():
    paced = pace(MotionConfig(name="procedural", stride=3, fps=2000.0), fps=10.0, num_frames=5)
    assert (paced.source_fps, paced.stride, paced.needed) == (2000.0, 3.0, 13)


def test_a_start_counts_frames_of_motion_fps_at_any_rate_of_the_source():
    joints = np.zeros((61, 22, 3))
    joints[..., 2] = np.arange(61)[:, None] / 30
    part = cut(Motion(joints, 30.0, "", "test"), num_frames=3, stride=2, start="11", start_fps=20.0)
    np.testing.assert_allclose(part.joints[:, 0, 2], [0.55, 0.55 + 1 / 15, 0.55 + 2 / 15], atol=1e-12)


@pytest.mark.parametrize(
    "cfg", [MotionConfig(name="procedural"), MotionConfig(name="mdm"), MotionConfig("x", stride=9)]
)
def test_a_rate_that_needs_too_many_frames_is_refused_before_any_is_made(cfg):
    with pytest.raises(
        ConfigError, match=rf"fps=1e-07 needs .* more than the {MAX_FRAMES} that are allowed: raise fps"
    ):
        pace(cfg, fps=1e-7, num_frames=30_000)
