import numpy as np
import pytest

from latentman.render.iuv import draw_iuv

FULL = np.array([1.0, 0, 0])


def pixel(part, corner_u, v=0.5, bary=FULL):
    corner_uv = np.stack([np.broadcast_to(corner_u, 3), np.full(3, v)], axis=-1)[None]
    return draw_iuv(np.zeros((1, 1), int), bary[None, None], np.array([part], np.uint8), corner_uv)[0, 0].tolist()


def test_coordinates_are_interpolated_with_the_barycentric_weights():
    corner_uv = np.array([[[0, 0], [1, 0], [0, 1]]], dtype=np.float32)
    iuv = draw_iuv(np.zeros((1, 1), int), np.array([[[0.2, 0.6, 0.2]]]), np.array([4]), corner_uv)
    assert iuv.tolist() == [[[4, 153, 51]]]


def test_the_background_is_zero():
    iuv = draw_iuv(np.array([[-1, 0]]), np.full((1, 2, 3), 1 / 3), np.array([7]), np.full((1, 3, 2), 0.5))
    assert iuv[0, 0].tolist() == [0, 0, 0]
    assert iuv[0, 1].tolist() == [7, 128, 128]


@pytest.mark.parametrize(
    ("part", "u", "other", "u_there"), [(2, 1.2, 1, 0.2), (2, -0.2, 1, 0.8), (9, 1.1, 7, 0.1), (22, -0.4, 20, 0.6)]
)
def test_beyond_a_seam_between_front_and_back_the_other_half_begins(part, u, other, u_there):
    assert pixel(part, u) == [other, round(255 * u_there), 128]


@pytest.mark.parametrize(("part", "u", "other", "u_there"), [(23, 1.2, 24, 0.8), (24, -0.2, 23, 0.2)])
def test_beyond_the_seam_of_the_head_the_other_half_is_its_mirror_image(part, u, other, u_there):
    assert pixel(part, u) == [other, round(255 * u_there), 128]


def test_hands_and_feet_have_no_seam_and_are_clipped():
    assert pixel(3, 1.4) == [3, 255, 128]
    assert pixel(5, -0.4) == [5, 0, 128]


def test_the_ends_of_the_range_stay_in_their_part():
    assert pixel(2, 0.0) == [2, 0, 128]
    assert pixel(2, 1.0) == [2, 255, 128]
