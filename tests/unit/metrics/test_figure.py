import numpy as np
import pytest

from latentman.errors import ShapeError
from latentman.metrics.figure import figure_contrast, figure_overlap, find_figure
from tests.factories.figures import SHIRT, SIDE, picture, stick_figure


def overlap_of(frame, mask=None):
    return figure_overlap(frame[None], (stick_figure() if mask is None else mask)[None]).value


def test_a_figure_drawn_in_its_mask_overlaps_it_almost_fully():
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


def test_noise_is_not_memorised_and_an_empty_picture_has_no_figure():
    rng = np.random.default_rng(7)
    assert overlap_of(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)) < 0.4
    assert overlap_of(np.full((SIDE, SIDE, 3), 128, np.uint8)) < 0.1


def test_an_object_of_the_figures_colour_next_to_it_is_not_mistaken_for_it():
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
def test_frames_without_a_figure_are_skipped_and_if_all_are_there_is_no_score(metric):
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
