import logging
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.assignment.solvers import match
from latentman.correspondence.features import part_features
from latentman.correspondence.match import match_clip, num_unmatched
from latentman.errors import ConfigError
from latentman.types import Correspondence
from tests.factories.maps import random_clip

REFERENCES = ["prev_new", "prev", "first"]


def match_frames(current, reference, features, e_weight, solver):
    """Match two frames, part after part."""
    targets, sources, cost, skipped = [np.empty((0, 2), np.int32)], [np.empty((0, 2), np.int32)], 0.0, 0
    for part in range(1, 25):
        pixels = [np.argwhere(iuv[..., 0] == part).astype(np.int32) for iuv in (current, reference)]
        if not len(pixels[0]) or not len(pixels[1]):
            skipped += len(pixels[0]) != len(pixels[1])
            continue
        x, y = (
            part_features(iuv[p[:, 0], p[:, 1], 1:], p, features=features, e_weight=e_weight)
            for iuv, p in zip((current, reference), pixels, strict=True)
        )
        found = match(x, y, solver)
        targets.append(pixels[0][found.row])
        sources.append(pixels[1][found.col])
        cost += found.cost
    return np.concatenate(targets), np.concatenate(sources), cost, skipped


def frame_by_frame(iuv, reference, solver, features="official", e_weight=1.0):
    """The definition of the chain: whole frames in sequence, with whole maps filled in."""
    empty = np.empty((0, 2), np.int32)
    frames, source_map = [(empty, empty, 0.0, 0)], iuv[0]
    for current in iuv[1:]:
        frames.append(match_frames(current, source_map, features, e_weight, solver))
        target, source = frames[-1][:2]
        if reference == "prev":
            source_map = current
        if reference == "prev_new":
            filled = current.copy()
            filled[tuple(target.T)] = source_map[tuple(source.T)]
            source_map = filled
    target, source, cost, skipped = zip(*frames, strict=True)
    return Correspondence(
        tuple(zip(target, source, strict=True)), iuv.shape[1], reference, np.array(cost), np.array(skipped)
    )


def assert_same_bytes(found, expected):
    found, expected = found.arrays(), expected.arrays()
    found.pop("certificate", None)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("solver", ["scipy", "greedy", "mutual_nn"])
def test_parts_in_parallel_give_the_same_bytes_as_frames_in_sequence(workers, reference, solver):
    iuv = random_clip(0)
    expected = frame_by_frame(iuv, reference, solver)
    assert expected.num_matches > 100
    assert_same_bytes(match_clip(iuv, size=16, reference=reference, solver=solver, workers=workers), expected)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    reference=st.sampled_from(REFERENCES),
    workers=st.integers(1, 4),
    features=st.sampled_from(["official", "paper"]),
    e_weight=st.sampled_from([0.0, 1.0, 3.0]),
    parts=st.integers(1, 24),
)
def test_the_result_never_depends_on_the_number_of_workers(seed, reference, workers, features, e_weight, parts):
    iuv = random_clip(seed, frames=4, side=8, parts=parts)
    how = {"features": features, "e_weight": e_weight, "solver": "scipy", "reference": reference}
    found = match_clip(iuv, size=8, workers=workers, **how)
    assert_same_bytes(found, frame_by_frame(iuv, reference, "scipy", features, e_weight))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("reference", REFERENCES)
def test_progress_counts_the_pairs_in_the_calling_thread(workers, reference):
    calls = []
    match_clip(
        random_clip(1),
        size=16,
        reference=reference,
        workers=workers,
        progress=lambda *counts: calls.append((*counts, threading.current_thread())),
    )
    assert calls == [(i, 4, threading.current_thread()) for i in (1, 2, 3, 4)]


def test_progress_completes_if_there_is_nothing_to_match():
    calls = []
    match_clip(np.zeros((3, 4, 4, 3), np.uint8), size=4, workers=2, progress=lambda *counts: calls.append(counts))
    assert calls == [(1, 2), (2, 2)]


@pytest.mark.parametrize("workers", [0, -2])
def test_a_number_of_workers_below_one_is_refused(workers):
    with pytest.raises(ConfigError, match=rf"correspondence.workers={workers} .*at least 1"):
        match_clip(random_clip(0), size=16, workers=workers)


@pytest.mark.parametrize("reference", REFERENCES)
def test_pixels_without_mutual_neighbours_are_counted_and_reported(reference, caplog):
    iuv = random_clip(2)
    with caplog.at_level(logging.WARNING):
        complete = match_clip(iuv, size=16, reference=reference, solver="scipy")
        assert not caplog.records
        found = match_clip(iuv, size=16, reference=reference, solver="mutual_nn")
    assert num_unmatched(iuv, complete).tolist() == [0] * 5
    left = [len(a) - len(b) for (a, _), (b, _) in zip(complete.pairs, found.pairs, strict=True)]
    assert num_unmatched(iuv, found).tolist() == left
    expected = f"solver=mutual_nn left {sum(left)} of {complete.num_matches} matchable pixels unmatched"
    assert expected in caplog.records[0].getMessage()
