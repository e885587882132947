import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.charts import FOLDED_PARTS, MIRROR_PART, OTHER_HALF, PART_NAMES
from latentman.config import BodyConfig


@pytest.fixture(scope="module", params=["neutral", "male", "female"])
def body(request):
    return build(BodyConfig("anny", request.param))


def centres(body, part):
    return body.vertices[body.faces[body.part == part]].mean((0, 1))


def test_exactly_the_24_parts_occur(body):
    assert set(np.unique(body.part)) == set(range(1, 25))


def test_left_and_right_parts_have_equally_many_faces(body):
    counts = np.bincount(body.part, minlength=25)
    assert (counts == counts[list(MIRROR_PART)]).all()


@pytest.mark.parametrize("part", [p for p, name in enumerate(PART_NAMES) if "left" in name])
def test_left_parts_are_on_the_left_and_right_parts_on_the_right(body, part):
    assert centres(body, part)[0] > 0.01
    assert centres(body, MIRROR_PART[part])[0] < -0.01


@pytest.mark.parametrize(("front", "back"), [(2, 1), (9, 7), (10, 8), (13, 11), (14, 12)])
def test_front_parts_are_in_front_of_back_parts(body, front, back):
    assert centres(body, front)[2] > centres(body, back)[2] + 0.03


def test_parts_are_ordered_from_head_to_foot_and_from_shoulder_to_hand(body):
    heights = [centres(body, part)[1] for part in (24, 2, 10, 14, 5)]
    assert heights == sorted(heights, reverse=True)
    sides = [centres(body, part)[0] for part in (2, 15, 19, 4)]
    assert sides == sorted(sides)


def test_coordinates_fill_zero_to_one_and_leave_it_only_at_seams(body):
    u, v = body.corner_uv[..., 0], body.corner_uv[..., 1]
    assert v.min() >= 0
    assert v.max() <= 1
    assert u.min() >= -0.5
    assert u.max() <= 1.5
    outside = ((u < 0) | (u > 1)).any(1)
    assert outside.mean() < 0.08
    seamless = np.array([OTHER_HALF[part] == part for part in range(25)])
    assert not outside[seamless[body.part]].any()
    for part in range(1, 25):
        of_part = body.corner_uv[body.part == part]
        assert np.ptp(of_part[..., 0]) > 0.8
        assert np.ptp(of_part[..., 1]) > 0.5


def test_coordinates_are_continuous_inside_a_part(body):
    """The coordinates at an edge between two faces of one part agree, except for a few faces at poles."""
    first, second = neighbours(body.faces)
    same = body.part[first[:, 0]] == body.part[second[:, 0]]
    hand_or_foot = np.isin(body.part[first[:, 0]], (3, 4, 5, 6))  # their two sides meet at a rim with a discontinuity
    checked = same & ~hand_or_foot
    a = body.corner_uv[first[checked, 0], first[checked, 1]]
    b = body.corner_uv[second[checked, 0], second[checked, 1]]
    assert (np.abs(a - b).max(-1) > 0.02).mean() < 0.01


def test_coordinates_are_mirror_images_on_the_two_sides_of_the_body(body):
    for part in range(1, 25):
        assert OTHER_HALF[OTHER_HALF[part]] == part
        assert MIRROR_PART[MIRROR_PART[part]] == part
        assert MIRROR_PART[OTHER_HALF[part]] == OTHER_HALF[MIRROR_PART[part]]
    assert {OTHER_HALF[p] for p in FOLDED_PARTS} == set(FOLDED_PARTS)


def test_coordinates_agree_across_a_seam_between_front_and_back(body):
    """At both ends of an edge between halves, U - 0 of one half and U - 1 of the other are the same angle."""
    first, second = neighbours(body.faces)
    part, other = body.part[first[:, 0]], body.part[second[:, 0]]
    crossing = (np.array(OTHER_HALF)[part] == other) & (part != other) & ~np.isin(part, FOLDED_PARTS)
    assert crossing.sum() > 100
    a = body.corner_uv[first[crossing, 0], first[crossing, 1]]
    b = body.corner_uv[second[crossing, 0], second[crossing, 1]]
    jump = np.abs(a[:, 0] - b[:, 0])
    assert (np.abs(jump - 1) < 1e-3).mean() > 0.97
    assert np.allclose(a[:, 1], b[:, 1], atol=1e-5)


def neighbours(faces):
    """Return pairs of (face, corner) that are the same vertex on the two sides of an inner edge."""
    edges = {}
    for side in range(3):
        for face, (a, b) in enumerate(faces[:, [side, (side + 1) % 3]].tolist()):
            edges[a, b] = (face, side, (side + 1) % 3)
    pairs = [
        ((face, corner), (edges[b, a][0], edges[b, a][2]))
        for (a, b), (face, corner, _) in edges.items()
        if (b, a) in edges
    ]
    first, second = zip(*pairs, strict=True)
    return np.array(first), np.array(second)
