import numpy as np

from latentman.render.pictures import depth_frames, iuv_frames


def test_depth_pictures_are_grey_and_black_outside(conditions):
    frames = depth_frames(conditions)
    assert frames.shape == (4, 96, 96, 3)
    assert frames.dtype == np.uint8
    assert (frames[..., 0] == frames[..., 2]).all()
    assert ((frames[..., 0] > 0) == conditions.mask).all()
    assert frames.max() == round(255 * 0.9)


def test_iuv_pictures_distinguish_parts_and_are_black_outside(conditions):
    frames = iuv_frames(conditions)
    assert not frames[~conditions.mask].any()
    assert frames[conditions.mask].max(-1).min() > 60
    mean = {part: frames[conditions.iuv[..., 0] == part].mean(0) for part in np.unique(conditions.iuv[..., 0])[1:]}
    for left, right in ((10, 9), (14, 13), (24, 23), (5, 6)):
        assert np.abs(mean[left] - mean[right]).max() > 40
