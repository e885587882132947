import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.correspondence.features import part_features
from latentman.errors import ConfigError

parts = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 40), st.integers(0, 40)),
    min_size=1,
    max_size=20,
    unique_by=lambda p: p[2:],
)


def literal(part, kind, e_weight):
    """The definition, one pixel at a time."""
    count = len(part)
    rows, cols = [p[2] for p in part], [p[3] for p in part]
    if kind == "paper":
        row, col = sum(rows) / count, sum(cols) / count
        return [[u, v, e_weight * math.hypot(r - row, c - col)] for u, v, r, c in part]
    mean_u, mean_v = sum(p[0] for p in part) / count, sum(p[1] for p in part) / count
    height, width = max(rows) - min(rows) + 1, max(cols) - min(cols) + 1
    down, across = (np.linspace(-side / 2, side / 2, side) for side in (height, width))
    distances = [abs(down[r - min(rows)]) + abs(across[c - min(cols)]) for _, _, r, c in part]
    scale = 63.75 / max(distances)
    return [[p[0] - mean_u, p[1] - mean_v, e_weight * scale * d] for p, d in zip(part, distances, strict=True)]


@settings(deadline=None, max_examples=100)
@given(part=parts, kind=st.sampled_from(["official", "paper"]), e_weight=st.sampled_from([0.0, 1.0, 2.5]))
def test_features_follow_their_definition(part, kind, e_weight):
    array = np.array(part)
    found = part_features(array[:, :2].astype(np.uint8), array[:, 2:], features=kind, e_weight=e_weight)
    np.testing.assert_allclose(found, literal(part, kind, e_weight), atol=1e-9)


@settings(deadline=None, max_examples=50)
@given(part=parts.filter(lambda p: len(p) > 1))
def test_official_features_are_centred_and_reach_the_released_maximum(part):
    array = np.array(part)
    found = part_features(array[:, :2].astype(np.uint8), array[:, 2:], features="official")
    np.testing.assert_allclose(found[:, :2].mean(axis=0), 0, atol=1e-9)
    assert found[:, 2].max() == pytest.approx(63.75)


@pytest.mark.parametrize("kind", ["official", "paper"])
def test_a_part_of_one_pixel_has_finite_features(kind):
    found = part_features(np.array([[200, 30]], np.uint8), np.array([[5, 7]]), features=kind)
    np.testing.assert_array_equal(found, [[0, 0, 63.75]] if kind == "official" else [[200, 30, 0]])


def test_official_distances_of_a_row_of_four_pixels_are_the_released_ones():
    row = np.array([[0, 0], [0, 1], [0, 2], [0, 3]])
    found = part_features(np.zeros((4, 2), np.uint8), row, features="official")
    np.testing.assert_allclose(found[:, 2], [63.75, 29.75, 29.75, 63.75])


def test_an_empty_part_has_no_features():
    assert part_features(np.empty((0, 2), np.uint8), np.empty((0, 2), int), features="official").shape == (0, 3)


def test_unknown_features_are_refused_with_the_choices():
    with pytest.raises(
        ConfigError, match=r"correspondence.features='offical'.*official, paper.*did you mean 'official'"
    ):
        part_features(np.zeros((1, 2), np.uint8), np.zeros((1, 2), int), features="offical")


def test_official_features_of_a_stored_map_equal_the_stored_features():
    # A figure drawn at 64 pixels, cropped to trunk and arms: 10 parts, 199 pixels. The features were computed by a loop
    # in exact fractions: zero-mean U, V; Manhattan distance in coordinates from -s/2 to s/2, scaled to 63.75.
    with np.load(Path(__file__).with_name("official_features.npz")) as stored:
        iuv, features = stored["iuv"], stored["features"]
    expected, found = [], []
    for part in np.unique(iuv[iuv[..., 0] > 0][:, 0]):
        pixels = np.argwhere(iuv[..., 0] == part)
        rows = [(*map(int, iuv[r, c, 1:]), int(r), int(c)) for r, c in pixels]
        expected += literal(rows, "official", 1.0)
        found.append(part_features(iuv[pixels[:, 0], pixels[:, 1], 1:], pixels, features="official"))
    np.testing.assert_allclose(np.concatenate(found), features, rtol=0, atol=1e-12)
    np.testing.assert_allclose(expected, features, rtol=0, atol=1e-12)
