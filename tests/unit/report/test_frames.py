"""The frames of a run are read from its PNGs or its MP4, and damage never raises."""

import shutil

import numpy as np
import pytest

from latentman.report.frames import DEFAULT_FPS, frame_count, load_frames, load_video, resized, run_fps, to_picture
from tests.factories.report import make_run


def test_the_frames_come_before_the_mp4_and_the_mp4_replaces_missing_ones(tmp_path):
    run = make_run(tmp_path / "run", pictures=True, num_frames=3)
    frames = load_video(run)
    assert frames.shape == load_frames(run, "frames").shape
    assert frame_count(run) == 3
    shutil.rmtree(run / "frames")
    assert load_video(run).shape == frames.shape
    assert not np.array_equal(load_video(run), frames)
    assert frame_count(run) == 3


def test_missing_and_damaged_videos_are_none(tmp_path):
    assert load_video(tmp_path) is None
    assert frame_count(tmp_path) == 0
    (tmp_path / "video.mp4").write_text("no video")
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "000.png").write_text("no picture")
    assert load_video(tmp_path) is None
    assert load_frames(tmp_path, "frames") is None


def test_other_pictures_in_the_folder_are_not_counted_as_frames(tmp_path):
    run = make_run(tmp_path / "run", pictures=True, num_frames=2)
    shutil.copy(run / "frames" / "000.png", run / "frames" / "cover.png")
    assert frame_count(run) == 2


@pytest.mark.parametrize(("size", "width", "expected"), [((64, 128), 64, (64, 32)), ((64, 128), 256, (128, 64))])
def test_pictures_are_reduced_but_never_enlarged(size, width, expected):
    assert resized(to_picture(np.zeros((*size, 3), np.uint8)), width).size == expected


@pytest.mark.parametrize(
    ("text", "fps"),
    [("fps: 24", 24.0), ("fps: x", DEFAULT_FPS), ("fps: 0", DEFAULT_FPS), ("a: [", DEFAULT_FPS), (None, DEFAULT_FPS)],
)
def test_the_frame_rate_comes_from_the_configuration(tmp_path, text, fps):
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    assert run_fps(tmp_path) == fps
