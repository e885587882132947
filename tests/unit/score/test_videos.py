"""Videos of any origin: pictures in their order, files frame by frame, and refusals that name the file."""

import numpy as np
import pytest
from PIL import Image

from latentman.errors import DataError
from latentman.score import videos
from latentman.score.videos import expect_mask, read_mask, read_video
from latentman.video import ffmpeg, write_mp4, write_png_frames


def some_frames(count=3, height=32, width=48, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_numbered_pictures_are_read_in_the_order_of_their_numbers(tmp_path):
    frames = some_frames(12)
    for index, frame in enumerate(frames, start=1):
        Image.fromarray(frame).save(tmp_path / f"frame_{index}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._frame_1.png").write_bytes(b"left by a file manager")
    video = read_video(tmp_path)
    assert np.array_equal(video.frames, frames)
    assert video.fps is None


def test_grey_and_palette_pictures_become_rgb_and_sixteen_bits_are_refused(tmp_path):
    grey = some_frames()[0, ..., 0]
    Image.fromarray(grey).save(tmp_path / "0.png")
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).quantize(256).save(tmp_path / "1.png")
    video = read_video(tmp_path)
    assert np.array_equal(video.frames[0], np.repeat(grey[..., None], 3, axis=2))
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "2.png")
    with pytest.raises(DataError, match=r"2\.png: it has pixels of kind I;16: save it with 8 bits"):
        read_video(tmp_path)


def test_a_video_file_is_decoded_frame_by_frame(tmp_path):
    frames = np.repeat(np.repeat(some_frames(5, 4, 6), 8, axis=1), 8, axis=2)
    write_mp4(tmp_path / "clip.mp4", frames, 12.5, crf=1)
    video = read_video(tmp_path / "clip.mp4")
    assert video.frames.shape == frames.shape
    assert video.fps == 12.5
    error = np.abs(video.frames.astype(int) - frames).mean((1, 2, 3))
    assert error.max() < 20  # 4:2:0 takes colours of neighbours together
    assert all(
        error[i] < np.abs(video.frames[i].astype(int) - frames[j]).mean() for i in range(5) for j in range(5) if i != j
    )


def test_frames_of_uneven_times_are_neither_doubled_nor_dropped(tmp_path):
    import subprocess

    source, out = tmp_path / "even.mp4", tmp_path / "uneven.mkv"
    write_mp4(source, some_frames(6), 10, crf=18)
    uneven = ["-vf", "setpts='if(gte(N,3),PTS+20/TB,PTS)'", "-fps_mode", "passthrough", "-c:v", "ffv1"]
    subprocess.run([ffmpeg(), "-nostdin", "-loglevel", "error", "-i", source, *uneven, out], check=True)
    assert len(read_video(out).frames) == 6


def test_a_file_that_is_not_a_video_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file or folder"):
        read_video(tmp_path / "nothing.mp4")
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(DataError, match=r"cannot decode the video .*text\.mp4: .*Invalid data"):
        read_video(tmp_path / "text.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(DataError, match=r"cannot decode the video .*empty\.mp4"):
        read_video(tmp_path / "empty.mp4")


def test_a_file_with_sound_alone_is_refused(tmp_path):
    import subprocess

    sound = tmp_path / "sound.wav"
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.2"]
    subprocess.run([ffmpeg(), "-nostdin", "-loglevel", "error", *tone, sound], check=True)
    with pytest.raises(DataError, match=r"cannot decode the video .*sound\.wav: it is not in a container that is read"):
        read_video(sound)


def test_a_folder_without_pictures_says_where_they_may_be(tmp_path):
    with pytest.raises(DataError, match=r"holds no pictures \(\.png, \.jpg, \.jpeg\)$"):
        read_video(tmp_path)
    write_png_frames(tmp_path / "frames", some_frames())
    with pytest.raises(DataError, match=r"perhaps you meant .*frames"):
        read_video(tmp_path)


def test_one_frame_alone_is_refused(tmp_path):
    write_png_frames(tmp_path / "one", some_frames(1))
    write_mp4(tmp_path / "one.mp4", some_frames(1), 10, crf=18)
    for path in (tmp_path / "one", tmp_path / "one.mp4"):
        with pytest.raises(DataError, match="has only one frame"):
            read_video(path)


def test_pictures_of_different_sizes_and_damaged_ones_are_refused_by_name(tmp_path):
    write_png_frames(tmp_path, some_frames())
    Image.fromarray(some_frames(1, 16, 48)[0]).save(tmp_path / "003.png")
    with pytest.raises(DataError, match=r"differ in size: the first is 48x32, 003\.png is 48x16"):
        read_video(tmp_path)
    (tmp_path / "003.png").write_bytes((tmp_path / "002.png").read_bytes()[:100])
    with pytest.raises(DataError, match=r"cannot read .*003\.png"):
        read_video(tmp_path)


def test_a_video_larger_than_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(videos, "MAX_BYTES", 3 * 32 * 48 * 4)
    write_png_frames(tmp_path / "long", some_frames(5))
    write_mp4(tmp_path / "long.mp4", some_frames(5), 10, crf=18)
    write_mp4(tmp_path / "short.mp4", some_frames(4), 10, crf=18)
    for path in (tmp_path / "long", tmp_path / "long.mp4"):
        with pytest.raises(DataError, match=r"more than 4 frames of 48x32, the most that are read"):
            read_video(path)
    assert len(read_video(tmp_path / "short.mp4").frames) == 4


def test_a_mask_is_where_the_picture_is_bright(tmp_path):
    mask = np.random.default_rng(1).random((3, 32, 48)) > 0.5
    write_png_frames(tmp_path / "mask", np.repeat(mask[..., None], 3, axis=3).astype(np.uint8) * 255)
    assert np.array_equal(read_mask(tmp_path / "mask"), mask)
    expect_mask(mask, some_frames())
    with pytest.raises(DataError, match=r"the mask has 3 frames of 48x32 and the video 4 frames of 48x32"):
        expect_mask(mask, some_frames(4))
    with pytest.raises(DataError, match="black in every frame"):
        expect_mask(np.zeros_like(mask), some_frames())
