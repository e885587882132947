"""Videos side by side become one animated WebP."""

import numpy as np
import pytest
from PIL import Image

from latentman.report.moving_picture import BAR_PX, GAP_PX, SIDE_PX, compose_frame, save_moving_picture


def test_pictures_are_next_to_each_other_below_their_labels():
    red, blue = (np.full((8, 8, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    frame = np.asarray(compose_frame([red, blue], ["left", "right"]))
    assert frame.shape == (BAR_PX + SIDE_PX, 2 * SIDE_PX + GAP_PX, 3)
    assert (frame[BAR_PX:, :SIDE_PX] == (255, 0, 0)).all()
    assert (frame[BAR_PX:, SIDE_PX + GAP_PX :] == (0, 0, 255)).all()
    assert frame[:BAR_PX, :SIDE_PX].min() < 100  # the label
    assert frame[:BAR_PX, SIDE_PX : SIDE_PX + GAP_PX].min() > 240


def test_every_frame_is_kept(tmp_path):
    levels = np.arange(4, dtype=np.uint8)[:, None, None, None] * 60
    video = np.broadcast_to(levels, (4, 8, 8, 3)).copy()
    save_moving_picture(tmp_path / "a.webp", [video, video], ["a", "b"], fps=5)
    with Image.open(tmp_path / "a.webp") as picture:
        seen = []
        for index in range(picture.n_frames):
            picture.seek(index)
            seen.append(int(np.asarray(picture.convert("RGB"))[BAR_PX + 40, 40, 0]))
    assert seen == pytest.approx([0, 60, 120, 180], abs=4)


def test_videos_of_different_lengths_are_not_cut_silently(tmp_path):
    videos = [np.zeros((2, 8, 8, 3), np.uint8), np.zeros((3, 8, 8, 3), np.uint8)]
    with pytest.raises(ValueError, match=r"shorter|longer"):
        save_moving_picture(tmp_path / "a.webp", videos, ["a", "b"], fps=5)
