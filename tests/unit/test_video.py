"""Clips and frames: what is written comes back, and the same frames give the same bytes."""

import re
import subprocess

import numpy as np
import pytest

from latentman.errors import RecordError, ShapeError
from latentman.video import ffmpeg, frame_paths, read_mp4, read_png_frames, write_mp4, write_png_frames


def moving_square(num_frames=6, height=64, width=64):
    rows, cols = np.mgrid[:height, :width]
    frames = np.empty((num_frames, height, width, 3), np.uint8)
    for i in range(num_frames):
        frames[i] = np.stack([rows * 2, cols * 2, np.full_like(rows, 90)], axis=-1) % 256
        frames[i, 20:36, 4 * i + 8 : 4 * i + 24] = (210, 40, 30)
    return frames


def test_mp4_returns_the_frames_up_to_compression(tmp_path):
    frames = moving_square()
    write_mp4(tmp_path / "clip.mp4", frames, fps=10, crf=10)
    video = read_mp4(tmp_path / "clip.mp4")
    assert video.frames.shape == frames.shape
    assert video.fps == 10
    assert np.abs(video.frames.astype(int) - frames).mean() < 3


def test_mp4_keeps_flat_colours(tmp_path):
    colours = np.array(
        [(220, 30, 30), (30, 180, 60), (20, 40, 230), (128, 128, 128), (255, 255, 255), (0, 0, 0)], np.uint8
    )
    frames = np.broadcast_to(colours[:, None, None], (6, 32, 32, 3)).copy()
    write_mp4(tmp_path / "clip.mp4", frames, fps=8, crf=10)
    assert np.abs(read_mp4(tmp_path / "clip.mp4").frames.astype(int) - frames).max() <= 5


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_mp4(tmp_path / name, moving_square(), fps=12.5, crf=17)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_the_index_comes_before_the_data_and_no_version_is_inside(tmp_path):
    write_mp4(tmp_path / "clip.mp4", moving_square(), fps=10, crf=17)
    data = (tmp_path / "clip.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert not re.search(rb"Lav[cf]\d|x264 - core", data)


def test_the_clip_is_tagged_bt709_limited_range_420(tmp_path):
    write_mp4(tmp_path / "clip.mp4", moving_square(), fps=10, crf=17)
    shown = subprocess.run([ffmpeg(), "-i", str(tmp_path / "clip.mp4")], capture_output=True, text=True, check=False)
    assert "h264" in shown.stderr
    assert "yuv420p(tv, bt709" in shown.stderr


def test_odd_sizes_repeat_the_edge(tmp_path):
    frames = moving_square(height=33, width=45)
    write_mp4(tmp_path / "clip.mp4", frames, fps=10, crf=5)
    back = read_mp4(tmp_path / "clip.mp4").frames
    assert back.shape == (6, 34, 46, 3)
    assert np.abs(back[:, :33, :45].astype(int) - frames).mean() < 3


def test_a_single_frame_is_a_clip(tmp_path):
    write_mp4(tmp_path / "clip.mp4", moving_square(1), fps=10, crf=17)
    assert len(read_mp4(tmp_path / "clip.mp4").frames) == 1


@pytest.mark.parametrize(
    "frames",
    [np.zeros((0, 8, 8, 3), np.uint8), np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8, 3), np.float32)],
)
def test_other_shapes_are_refused(tmp_path, frames):
    with pytest.raises(ShapeError, match=r"expected \(T, H, W, 3\) uint8"):
        write_mp4(tmp_path / "clip.mp4", frames, fps=10, crf=17)
    with pytest.raises(ShapeError):
        write_png_frames(tmp_path / "frames", frames)


def test_a_missing_ffmpeg_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nothing"))
    with pytest.raises(RecordError, match="IMAGEIO_FFMPEG_EXE"):
        write_mp4(tmp_path / "clip.mp4", moving_square(2), fps=10, crf=17)


def test_a_full_disk_leaves_the_old_clip_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"old")
    failing = tmp_path / "ffmpeg"
    failing.write_text(
        "#!/bin/sh\ncat > /dev/null\necho 'av_interleaved_write_frame(): No space left on device' >&2\nexit 1\n"
    )
    failing.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(failing))
    with pytest.raises(RecordError, match=r"clip.mp4.*No space left on device.*free some space"):
        write_mp4(path, moving_square(2), fps=10, crf=17)
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", "ffmpeg"]


def test_reading_what_is_no_clip_is_a_record_error(tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"not a clip at all")
    with pytest.raises(RecordError, match=r"bad\.mp4"):
        read_mp4(tmp_path / "bad.mp4")
    with pytest.raises(RecordError, match="no such file"):
        read_mp4(tmp_path / "none.mp4")


def test_png_frames_come_back_exactly_and_in_order(tmp_path):
    frames = moving_square(12)
    write_png_frames(tmp_path / "frames", frames)
    assert [p.name for p in frame_paths(tmp_path / "frames")][:2] == ["000.png", "001.png"]
    np.testing.assert_array_equal(read_png_frames(tmp_path / "frames"), frames)


def test_a_shorter_clip_leaves_no_frames_of_a_longer_one(tmp_path):
    write_png_frames(tmp_path / "frames", moving_square(5))
    write_png_frames(tmp_path / "frames", moving_square(3))
    assert len(read_png_frames(tmp_path / "frames")) == 3


def test_missing_and_damaged_frames_are_record_errors(tmp_path):
    with pytest.raises(RecordError, match="found 0 files"):
        read_png_frames(tmp_path / "frames")
    write_png_frames(tmp_path / "frames", moving_square(3))
    (tmp_path / "frames" / "001.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(RecordError, match=r"001\.png"):
        read_png_frames(tmp_path / "frames")
    (tmp_path / "frames" / "001.png").unlink()
    with pytest.raises(RecordError, match="found 2 files"):
        read_png_frames(tmp_path / "frames")
