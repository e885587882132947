"""Both videos of a pair are read alike, and a damaged one is plainly damaged."""

import os

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.study.pairing import RunPair
from latentman.study.videos import damage, load_pair
from latentman.video import write_mp4
from tests.factories.report import draw, make_run


def test_where_one_side_lost_its_frames_both_are_read_from_their_videos(tmp_path):
    for name, noise in (("a", 0), ("b", 40)):
        make_run(tmp_path / name)
        write_mp4(tmp_path / name / "video.mp4", draw(3, 64, noise)["video"], fps=10, crf=17)
    make_run(tmp_path / "c", pictures=True, num_frames=3)
    videos = load_pair(RunPair("p", 0, tmp_path / "a", tmp_path / "b"))
    assert videos.ours.shape == videos.baseline.shape == (3, 64, 64, 3)
    with pytest.raises(DataError, match=r"3 frames of 64x64 at 10 a second and 3 frames of 96x96"):
        load_pair(RunPair("p", 0, tmp_path / "a", tmp_path / "c"))


def test_damage_is_plain_in_every_frame_and_changes_no_brightness():
    frames = draw(4, 64, 4)["video"]
    damaged = damage(frames, "7")
    assert np.array_equal(damaged, damage(frames, "7"))
    assert not np.array_equal(damaged, damage(frames, "8"))
    for whole, broken in zip(frames, damaged, strict=True):
        assert (whole != broken).any(-1).mean() > 0.3
        assert np.array_equal(np.sort(whole.reshape(-1, 3), 0), np.sort(broken.reshape(-1, 3), 0))
    moves = [(whole != broken).any(-1) for whole, broken in zip(frames, damaged, strict=True)]
    assert (moves[0] != moves[1]).mean() > 0.1


def test_damage_works_on_pictures_of_any_size():
    frames = np.random.default_rng(0).integers(0, 255, (1, 37, 51, 3), np.uint8)
    assert damage(frames, "1").shape == frames.shape


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.parametrize("stand_in", ["link to a frame", "link to the frames", "fifo", "fifo as frames", "fifo mp4"])
def test_a_link_or_a_fifo_in_the_place_of_a_video_is_refused_at_once(tmp_path, stand_in):
    for run in "ab":
        make_run(tmp_path / run, pictures=True, num_frames=3)
    frames = tmp_path / "a" / "frames"
    if stand_in in ("link to a frame", "fifo"):
        (frames / "001.png").rename(tmp_path / "moved")
        bad = frames / "001.png"
    else:
        frames.rename(tmp_path / "moved")
        bad = tmp_path / "a" / "video.mp4" if stand_in == "fifo mp4" else frames
        bad.unlink(missing_ok=True)
    if stand_in.startswith("link"):
        bad.symlink_to(tmp_path / "moved")
    else:
        os.mkfifo(bad)
    with pytest.raises(DataError, match=rf"{bad.name} is a link, a FIFO or a device: put the file itself there"):
        load_pair(RunPair("p", 0, tmp_path / "a", tmp_path / "b"))
