"""The maps that the solvers are compared on: a walking figure, and the same as a detector might see it."""

from itertools import pairwise

import numpy as np
import pytest

from latentman.bench.solver.maps import FLAVOURS, Maps, as_detected, make_maps, part_problems, walking_maps
from latentman.types import NUM_PARTS


@pytest.fixture(scope="module")
def maps() -> dict[str, Maps]:
    return make_maps(0)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(maps: dict[str, Maps]) -> None:
    again = make_maps(0)
    assert tuple(maps) == FLAVOURS
    for flavour in FLAVOURS:
        assert maps[flavour].shape == (8, 512, 512, 3)
        np.testing.assert_array_equal(maps[flavour], again[flavour])


@pytest.mark.slow
def test_another_seed_gives_another_walk_and_other_noise(maps: dict[str, Maps]) -> None:
    assert (walking_maps(1) != maps["clean"]).any()
    frame = maps["clean"][3]
    assert (as_detected(frame, (0, 3)) == maps["noisy"][3]).all()
    assert (as_detected(frame, (1, 3)) != maps["noisy"][3]).any()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_figure_is_as_large_as_the_measured_one(maps: dict[str, Maps], flavour: str) -> None:
    figure = maps[flavour][..., 0] > 0
    pixels = figure.sum((1, 2))
    heights = figure.any(2).sum(1)
    parts = [len(np.unique(frame[..., 0])) - 1 for frame in maps[flavour]]
    assert pixels.min() >= 20_000
    assert pixels.max() <= 30_000
    assert heights.min() >= 0.74 * 512
    assert heights.max() <= 0.82 * 512
    assert min(parts) >= 18
    assert max(parts) <= NUM_PARTS


def test_frames_move_on_and_the_camera_stays(maps: dict[str, Maps]) -> None:
    parts = maps["clean"][..., 0]
    moved = [(now != before).mean() for before, now in pairwise(parts)]
    assert min(moved) > 0.005
    assert max(moved) < 0.05
    cols = [np.flatnonzero(frame.any(0)).mean() for frame in parts]
    assert max(cols) - min(cols) < 20


def test_noise_has_the_size_that_it_claims(maps: dict[str, Maps]) -> None:
    clean, noisy = maps["clean"].astype(int), maps["noisy"].astype(int)
    inside = (clean[..., 0] > 0) & (clean[..., 0] == noisy[..., 0])
    error = (noisy - clean)[..., 1:][inside]
    # Interpolation removes a part of the white error, and wrong labels at the outlines add to the smooth one.
    assert 4 < np.median(np.abs(error)) / 0.6745 < 7
    assert abs(np.median(error)) < 1.5
    wrong = (clean[..., 0] != noisy[..., 0]).sum() / (clean[..., 0] > 0).sum()
    assert 0.05 < wrong < 0.3


def test_parts_of_fewer_than_four_cells_are_lost() -> None:
    iuv = np.zeros((224, 224, 3), dtype=np.uint8)
    iuv[..., 0] = 2  # a box of the whole picture: cells of 2 x 2 pixels
    iuv[100:102, 100:102] = (5, 9, 9)
    for seed in range(5):  # about one cell reads the small part
        seen = as_detected(iuv, (seed,))
        assert not (seen[..., 0] == 5).any()
        assert (seen[..., 0] == 2).mean() > 0.98
    iuv[100:120, 100:120] = (5, 9, 9)
    assert (as_detected(iuv, (0,))[..., 0] == 5).any()


def test_a_large_part_keeps_its_place_and_its_coordinates() -> None:
    iuv = np.zeros((128, 128, 3), dtype=np.uint8)
    iuv[20:100, 30:90] = (3, 100, 200)
    seen = as_detected(iuv, (7,))
    core = seen[30:90, 40:80]
    assert (core[..., 0] == 3).all()
    np.testing.assert_allclose(core[..., 1:].mean((0, 1)), (100, 200), atol=3)
    assert not seen[:15].any()
    assert not seen[105:].any()


def test_a_frame_without_a_figure_stays_empty() -> None:
    assert not as_detected(np.zeros((64, 64, 3), dtype=np.uint8), (0,)).any()


def test_problems_are_the_parts_that_both_frames_show(maps: dict[str, Maps]) -> None:
    small = maps["noisy"][2:4, ::8, ::8]
    problems = part_problems(maps["noisy"], size=64, pair=2)
    counts = [np.bincount(frame[..., 0].ravel(), minlength=NUM_PARTS + 1) for frame in small]
    expected = [part for part in range(1, NUM_PARTS + 1) if counts[0][part] and counts[1][part]]
    assert [p.part for p in problems] == expected
    for p in problems:
        assert p.x.shape == (counts[1][p.part], 3)  # rows are the later frame's pixels
        assert p.y.shape == (counts[0][p.part], 3)
        np.testing.assert_allclose(p.x[:, :2].mean(0), 0, atol=1e-9)
