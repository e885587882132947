import numpy as np
import pytest

from latentman.correspondence.match import match_clip
from latentman.correspondence.overlay import UNTRACKED, overlay, track_colours
from latentman.errors import ShapeError


def walking_square():
    """A square of one part that moves right by one pixel per frame, with a second part that appears in frame 2."""
    iuv = np.zeros((3, 16, 16, 3), np.uint8)
    rows, cols = np.mgrid[:5, :5]
    for i in range(3):
        iuv[i, 4:9, 3 + i : 8 + i] = np.stack([np.full((5, 5), 2), rows * 40, cols * 40], axis=-1)
    iuv[2, 12, 2] = [9, 10, 10]
    return iuv


def test_colours_move_with_the_figure():
    iuv = walking_square()
    mask = iuv[..., 0] > 0
    colours = track_colours(mask, match_clip(iuv, size=16))
    first = colours[0, 4:9, 3:8]
    np.testing.assert_array_equal(colours[1, 4:9, 4:9], first)
    np.testing.assert_array_equal(colours[2, 4:9, 5:10], first)
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 10
    np.testing.assert_array_equal(colours[2, 12, 2], UNTRACKED)


def test_background_is_black_and_the_figure_never_is():
    iuv = walking_square()
    mask = iuv[..., 0] > 0
    colours = track_colours(mask, match_clip(iuv, size=16))
    np.testing.assert_array_equal(colours.any(axis=-1), mask)


def test_a_figure_missing_in_frame_0_is_grey_later():
    iuv = walking_square()
    iuv[0] = 0
    mask = iuv[..., 0] > 0
    assert (track_colours(mask, match_clip(iuv, size=16))[mask] == UNTRACKED).all()


def test_overlay_colours_the_figure_and_darkens_the_rest():
    colours = np.zeros((1, 2, 2, 3), np.uint8)
    colours[0, 0, 0] = [255, 0, 0]
    frames = np.full((1, 4, 4, 3), 200, np.uint8)
    blended = overlay(frames, colours, 2)
    assert blended.dtype == np.uint8
    assert (blended[0, :2, :2, 0] > blended[0, :2, :2, 1] + 100).all()
    assert (blended[0, 2:] == 90).all()


def test_pictures_that_do_not_fit_together_are_refused():
    iuv = walking_square()
    found = match_clip(iuv, size=16)
    with pytest.raises(ShapeError, match=r"expected a mask \(3, 16, 16\)"):
        track_colours(np.zeros((3, 8, 8), bool), found)
    with pytest.raises(ShapeError, match="expected colours"):
        overlay(np.zeros((3, 32, 32, 3), np.uint8), np.zeros((3, 8, 8, 3), np.uint8), 16)
    with pytest.raises(ShapeError, match="does not divide"):
        overlay(np.zeros((3, 30, 30, 3), np.uint8), np.zeros((3, 16, 16, 3), np.uint8), 16)
