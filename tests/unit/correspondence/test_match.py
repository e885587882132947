import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from latentman.config import CorrespondenceConfig
from latentman.correspondence.build import build
from latentman.correspondence.features import part_features
from latentman.correspondence.match import downsample, match_clip, warn_of_losses
from latentman.errors import ConfigError, DataError, ShapeError
from latentman.types import BodySequence, Camera, Conditions

REFERENCES = ["prev_new", "prev", "first"]


def noisy_clip(seed, frames=4, side=12, parts=3):
    """Blobs of a few parts with random charts, so that the optimum is unique."""
    rng = np.random.default_rng(seed)
    iuv = rng.integers(0, 256, (frames, side, side, 3), dtype=np.uint8)
    iuv[..., 0] = rng.choice(parts + 1, (frames, side, side), p=[0.6] + [0.4 / parts] * parts) * 8
    iuv[iuv[..., 0] == 0] = 0
    return iuv


def literal_match_clip(iuv, size, kind, reference):
    """The definition with plain loops: lists of ((row, col), (row, col)) and the cost of every frame."""
    step = iuv.shape[1] // size
    maps = [[[tuple(int(x) for x in f[r * step, c * step]) for c in range(size)] for r in range(size)] for f in iuv]
    result, source_map = [([], 0.0)], maps[0]
    for current in maps[1:]:
        pairs, total = [], 0.0
        for part in range(1, 25):
            here, there = (
                [(r, c) for r in range(size) for c in range(size) if m[r][c][0] == part] for m in (current, source_map)
            )
            if not here or not there:
                continue
            x, y = (
                part_features(np.array([m[r][c][1:] for r, c in p], np.uint8), np.array(p), features=kind)
                for m, p in ((current, here), (source_map, there))
            )
            cost = [[sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) ** 0.5 for q in y] for p in x]
            for i, j in zip(*linear_sum_assignment(cost), strict=True):
                pairs.append((here[i], there[j]))
                total += cost[i][j]
        result.append((pairs, total))
        if reference == "prev":
            source_map = current
        if reference == "prev_new":
            filled = [list(row) for row in current]
            for (r, c), (r0, c0) in pairs:
                filled[r][c] = source_map[r0][c0]
            source_map = filled
    return result


@pytest.mark.parametrize("solver", ["auto", "scipy", "lapjv"])
@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize(("kind", "size"), [("official", 12), ("paper", 12), ("official", 6)])
def test_the_map_equals_the_literal_definition(solver, reference, kind, size):
    if solver == "lapjv":
        pytest.importorskip("lapjv", reason="the extra 'lap' is not installed")
    iuv = noisy_clip(1)
    found = match_clip(iuv, size=size, features=kind, solver=solver, reference=reference)
    expected = literal_match_clip(iuv, size, kind, reference)
    for (target, source), (pairs, _) in zip(found.pairs, expected, strict=True):
        matched = zip(map(tuple, target.tolist()), map(tuple, source.tolist()), strict=True)
        assert sorted(matched) == sorted(pairs)
    np.testing.assert_allclose(found.cost, [cost for _, cost in expected], rtol=1e-12)
    assert (found.size, found.reference) == (size, reference)


def test_the_reference_chains_differ():
    clip = noisy_clip(2)
    maps = {r: match_clip(clip, size=12, reference=r) for r in REFERENCES}
    assert not np.array_equal(maps["prev"].pairs[2][1], maps["prev_new"].pairs[2][1])
    assert maps["first"].source_frame(3) == 0
    assert maps["prev_new"].source_frame(3) == 2


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_still_clip_maps_every_pixel_to_itself_at_zero_cost(reference):
    still = np.repeat(noisy_clip(3, frames=1), 3, axis=0)
    found = match_clip(still, size=12, reference=reference)
    for target, source in found.pairs[1:]:
        np.testing.assert_array_equal(target, source)
        assert len(target) == (still[0, ..., 0] > 0).sum()
    assert (found.cost == 0).all()
    assert (found.parts_skipped == 0).all()


def test_a_rigidly_shifted_figure_is_followed_exactly():
    iuv = np.zeros((2, 16, 16, 3), np.uint8)
    iuv[0, 2:8, 3:9] = noisy_clip(4, frames=1)[0, :6, :6]
    iuv[1] = np.roll(iuv[0], (5, 4), axis=(0, 1))
    target, source = match_clip(iuv, size=16).pairs[1]
    assert len(target) > 5
    np.testing.assert_array_equal(target - source, [[5, 4]] * len(target))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), reference=st.sampled_from(REFERENCES), parts=st.integers(1, 3))
def test_matches_are_injective_stay_inside_the_figure_and_keep_their_part(seed, reference, parts):
    iuv = noisy_clip(seed, side=8, parts=parts)
    found = match_clip(iuv, size=8, reference=reference)
    for i, (target, source) in enumerate(found.pairs):
        for pixels in (target, source):
            assert len(np.unique(pixels, axis=0)) == len(pixels)
        here = iuv[i][tuple(target.T)][:, 0]
        there = iuv[found.source_frame(i)][tuple(source.T)][:, 0]
        assert (here > 0).all()
        np.testing.assert_array_equal(here, there)
        labels = [iuv[k, ..., 0] for k in (i, found.source_frame(i))]
        smaller = sum(min((labels[0] == p).sum(), (labels[1] == p).sum()) for p in range(1, 25))
        assert len(target) == (smaller if i else 0)


def test_only_lapjv_attaches_a_certificate():
    pytest.importorskip("lapjv", reason="the extra 'lap' is not installed")
    clip = noisy_clip(5)
    assert match_clip(clip, size=12, solver="scipy").certificate is None
    proven = match_clip(clip, size=12, solver="lapjv")
    assert np.abs(proven.certificate).max() <= 1e-9 * (1 + proven.cost.max())


def test_parts_visible_in_only_one_frame_are_counted_and_reported_once(caplog):
    iuv = np.zeros((3, 4, 4, 3), np.uint8)
    iuv[0, 0, :2, 0] = [1, 2]
    iuv[1, 0, :2, 0] = [1, 3]
    iuv[2, 3, 3, 0] = 5
    with caplog.at_level(logging.WARNING):
        found = match_clip(iuv, size=4)
        warn_of_losses([found, found])
    assert found.parts_skipped.tolist() == [0, 2, 3]
    assert [len(target) for target, _ in found.pairs] == [0, 1, 0]
    first, second, parts = (record.getMessage() for record in caplog.records)
    assert first == second
    assert "1 of 2 frames (2) have no matches with their reference on the 4x4 grid" in first
    assert parts.endswith("left unmatched: 5 times at 4x4, 5 times at 4x4")


def test_a_clip_without_losses_gives_no_warning(caplog):
    warn_of_losses([match_clip(np.repeat(noisy_clip(3, frames=1), 2, axis=0), size=12)])
    assert not caplog.records


def test_a_clip_of_background_only_gives_empty_maps():
    found = match_clip(np.zeros((3, 8, 8, 3), np.uint8), size=8)
    assert found.num_matches == 0
    assert found.pairs[1][0].shape == (0, 2)


def test_the_grid_takes_the_top_left_sample_of_each_block():
    images = np.arange(2 * 6 * 6).reshape(2, 6, 6)
    np.testing.assert_array_equal(downsample(images, 3)[0], [[0, 2, 4], [12, 14, 16], [24, 26, 28]])


def test_progress_counts_the_pairs():
    calls = []
    match_clip(noisy_clip(6), size=6, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("iuv", "size", "error", "words"),
    [
        (np.zeros((2, 8, 6, 3), np.uint8), 2, ShapeError, "8x6 are not square"),
        (np.zeros((2, 8, 8, 3), np.uint8), 3, ShapeError, "grid of 3 does not divide .* divisor of 8"),
        (np.zeros((2, 8, 8, 3), np.uint8), 0, ShapeError, "grid of 0 does not divide"),
        (np.zeros((2, 8, 8), np.uint8), 4, ShapeError, r"\(T, H, W, 3\) uint8, got \(2, 8, 8\)"),
        (np.zeros((2, 8, 8, 3)), 4, ShapeError, "got .* float64"),
        (np.zeros((0, 8, 8, 3), np.uint8), 4, DataError, "no frame"),
        (np.full((2, 8, 8, 3), 241, np.uint8), 4, DataError, "part 241; parts are 1 to 240"),
    ],
)
def test_maps_that_cannot_be_matched_are_refused(iuv, size, error, words):
    with pytest.raises(error, match=words):
        match_clip(iuv, size=size)


def conditions_of(iuv):
    shape = iuv.shape[:3]
    zeros = np.zeros(shape, np.float32)
    camera = Camera(np.eye(3), np.zeros(3), 1.0, 1.0, 0.0, 0.0, *shape[1:])
    bary = np.zeros((*shape, 3), np.float32)
    return Conditions(zeros, zeros, iuv, iuv[..., 0] > 0, np.zeros(shape, np.int32), bary, (camera,) * len(iuv))


def body_of(frames):
    """A mesh of one face, which the assignment does not use."""
    one, corners = np.array([1]), np.zeros((1, 3, 2))
    return BodySequence(np.zeros((frames, 3, 3)), np.array([[0, 1, 2]]), np.zeros((frames, 22, 3)), one, corners, 10.0)


def test_build_passes_every_setting_on():
    clip = noisy_clip(7)
    search = build(CorrespondenceConfig("densepose_lap", features="paper", e_weight=3.0), "scipy", "first")
    found = search(conditions_of(clip), body_of(len(clip)), 6)
    expected = match_clip(clip, size=6, features="paper", e_weight=3.0, solver="scipy", reference="first")
    assert found.reference == "first"
    np.testing.assert_array_equal(found.cost, expected.cost)
    assert not np.array_equal(found.cost, match_clip(clip, size=6, features="paper", reference="first").cost)


@pytest.mark.parametrize(
    ("name", "solver", "reference", "words"),
    [
        ("mash", "auto", "prev", "correspondence='mash'"),
        ("densepose_lap", "lapvj", "prev", "solver='lapvj'.*did you mean 'lapjv'"),
        ("densepose_lap", "auto", "next", "reference='next'.*first, prev, prev_new"),
    ],
)
def test_build_refuses_unknown_names(name, solver, reference, words):
    with pytest.raises(ConfigError, match=words):
        build(CorrespondenceConfig(name), solver, reference)
