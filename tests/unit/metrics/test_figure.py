import numpy as np
import pytest
from scipy import ndimage

from latentman.errors import ShapeError
from latentman.metrics.figure import figure_contrast, figure_overlap, find_figure

SIDE = 128
SKIN, SHIRT, TROUSERS = [220, 180, 150], [190, 40, 40], [40, 50, 130]


def stick_figure():
    """A mask with a head, a trunk, two arms and two legs."""
    row, col = np.mgrid[:SIDE, :SIDE]
    mask = (row - 22) ** 2 + (col - 64) ** 2 < 80
    for top, bottom, left, right in ((32, 72, 54, 74), (36, 44, 34, 94), (72, 112, 54, 62), (72, 112, 66, 74)):
        mask |= (row >= top) & (row < bottom) & (col >= left) & (col < right)
    return mask


def landscape(rng):
    """Sky over ground, each with a slope and a little noise."""
    row, col = np.mgrid[:SIDE, :SIDE] / SIDE
    sky = np.stack([120 + 40 * row, 160 + 30 * col, 220 - 20 * row], axis=-1)
    ground = np.stack([190 + 20 * col, 170 - 10 * row, 110 + 20 * row], axis=-1)
    return np.where((row < 0.6)[..., None], sky, ground) + rng.normal(0, 5, (SIDE, SIDE, 3))


def picture(*, shift=0, opacity=1.0, seed=0):
    """A dressed figure before a landscape, ``shift`` pixels beside its mask, as opaque as ``opacity``."""
    rng = np.random.default_rng(seed)
    row = np.arange(SIDE)[:, None, None]
    clothes = np.where(row < 31, SKIN, np.where(row < 74, SHIRT, TROUSERS)) + rng.normal(0, 5, (SIDE, SIDE, 3))
    place = landscape(rng)
    cover = opacity * ndimage.gaussian_filter(np.roll(stick_figure(), shift, axis=1).astype(float), 0.6)[..., None]
    return (cover * clothes + (1 - cover) * place).clip(0, 255).astype(np.uint8)


def overlap_of(frame, mask=None):
    return figure_overlap(frame[None], (stick_figure() if mask is None else mask)[None]).value


def test_a_figure_drawn_in_its_mask_overlaps_almost_fully():
    assert overlap_of(picture()) > 0.9


@pytest.mark.parametrize("shift", [3, 6, -6, 12])
def test_a_shifted_figure_scores_its_true_overlap(shift):
    mask = stick_figure()
    moved = np.roll(mask, shift, axis=1)
    assert overlap_of(picture(shift=shift)) == pytest.approx((mask & moved).sum() / (mask | moved).sum(), abs=0.08)


def test_overlap_falls_as_the_figure_fades_into_the_background():
    values = [overlap_of(picture(opacity=opacity)) for opacity in (1.0, 0.25, 0.08, 0.0)]
    assert values[0] > values[1] > values[2] > values[3]
    assert values[3] < 0.35


def test_noise_is_not_learned_by_heart_and_an_empty_picture_has_no_figure():
    rng = np.random.default_rng(7)
    assert overlap_of(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)) < 0.4
    assert overlap_of(np.full((SIDE, SIDE, 3), 128, np.uint8)) < 0.1


def test_a_thing_of_the_figures_colour_beside_it_is_not_taken_for_it():
    frame = picture()
    frame[95:105, 90:105] = SHIRT
    figure, box = find_figure(frame, stick_figure())
    whole = np.zeros((SIDE, SIDE), bool)
    whole[box] = figure
    assert not whole[95:105, 90:105].any()
    assert whole[40:70, 56:72].mean() > 0.95


def test_the_labels_cover_the_box_and_agree_with_the_drawing():
    mask = stick_figure()
    figure, box = find_figure(picture(), mask)
    assert figure.shape == mask[box].shape
    assert mask[box].sum() == mask.sum()
    assert (figure == mask[box]).mean() > 0.95


def test_contrast_is_the_spread_of_luma_inside_the_mask_alone():
    mask = np.zeros((2, 8, 8), bool)
    mask[:, :2, :2] = True
    frames = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    frames[0, :2, :2] = np.array([[50, 50], [150, 150]])[..., None]
    frames[1, :2, :2] = np.array([[0, 0, 0], [255, 0, 0]])
    score = figure_contrast(frames, mask)
    assert score.per_pair == pytest.approx((50.0, 0.299 * 255 / 2))
    assert score.value == pytest.approx(np.mean(score.per_pair))


def test_a_washed_out_figure_has_less_contrast():
    frame, mask = picture(), stick_figure()[None]
    pale = (frame * 0.3 + 170).astype(np.uint8)
    assert figure_contrast(pale[None], mask).value < 0.4 * figure_contrast(frame[None], mask).value


@pytest.mark.parametrize("metric", [figure_contrast, figure_overlap])
def test_frames_without_a_figure_are_skipped_and_none_at_all_is_no_score(metric):
    frames = np.stack([picture(), picture()])
    mask = np.stack([stick_figure(), np.zeros((SIDE, SIDE), bool)])
    score = metric(frames, mask)
    assert score.per_pair[1] is None
    assert score.value == score.per_pair[0]
    absent = metric(frames, np.zeros_like(mask))
    assert absent.value is None
    assert "outside the picture" in absent.reason


def test_a_figure_that_fills_the_picture_has_no_overlap_score():
    assert overlap_of(picture(), np.ones((SIDE, SIDE), bool)) is None


@pytest.mark.parametrize("metric", [figure_contrast, figure_overlap])
def test_frames_of_another_size_are_refused(metric):
    with pytest.raises(ShapeError, match=r"expected frames \(1, 128, 128, 3\) uint8.*got \(1, 64, 64, 3\)"):
        metric(np.zeros((1, 64, 64, 3), np.uint8), stick_figure()[None])
