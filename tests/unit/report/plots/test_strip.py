"""Still strips: a row per variant, its frames in order, for every prompt that can be compared."""

import numpy as np
from PIL import Image

from latentman.report.collect import collect
from latentman.report.plots.strip import FRAME_PX, LABEL_PX, draw_strip, write_strips
from tests.factories.report import make_sweep

SCORES = {("none", "none"): {"a": 10.0, "b": 20.0}, ("full", "full"): {"a": 5.0}}


def colours(count, size=32):
    levels = np.linspace(40, 240, count).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, size, size, 3)).copy()


def test_every_frame_is_in_its_column_below_its_label():
    frames = colours(4)
    picture = np.asarray(draw_strip("title", [("first", frames), ("second", frames[::-1])]))
    assert picture.shape == (LABEL_PX + 2 * (LABEL_PX + FRAME_PX), 4 * FRAME_PX, 3)
    middles = [LABEL_PX + LABEL_PX + FRAME_PX // 2, LABEL_PX + 2 * LABEL_PX + FRAME_PX + FRAME_PX // 2]
    for row, expected in zip(middles, (frames, frames[::-1]), strict=True):
        shown = [picture[row, FRAME_PX * column + FRAME_PX // 2, 0] for column in range(4)]
        assert shown == [frame[0, 0, 0] for frame in expected]


def test_a_long_video_is_sampled_from_its_first_to_its_last_frame():
    frames = colours(30)
    picture = np.asarray(draw_strip("title", [("row", frames)]))
    assert picture.shape[1] == 8 * FRAME_PX
    middle = LABEL_PX * 2 + FRAME_PX // 2
    assert picture[middle, FRAME_PX // 2, 0] == frames[0, 0, 0, 0]
    assert picture[middle, -FRAME_PX // 2, 0] == frames[-1, 0, 0, 0]


def test_prompts_with_one_variant_have_nothing_to_compare(tmp_path):
    root = make_sweep(tmp_path / "sweep", SCORES, pictures=True, num_frames=3)
    (path,) = write_strips(root, collect(root))
    assert path.parent == root / "strips"
    with Image.open(path) as picture:
        assert picture.height == LABEL_PX + 2 * (LABEL_PX + FRAME_PX)
