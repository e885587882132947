"""Frames rebuilt from the pixels of their references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.correspondence.carried import carried
from latentman.errors import ShapeError
from latentman.types import Correspondence

NOTHING = (np.zeros((0, 2), np.int32), np.zeros((0, 2), np.int32))


def random_map(seed, reference, frames=3, size=6):
    rng = np.random.default_rng(seed)
    pairs = [NOTHING]
    for _ in range(frames - 1):
        count = int(rng.integers(0, size * size + 1))
        chosen = (rng.choice(size * size, count, replace=False) for _ in range(2))
        pairs.append(tuple(np.stack(np.divmod(flat, size), axis=1).astype(np.int32) for flat in chosen))
    return Correspondence(tuple(pairs), size, reference, np.zeros(frames), np.zeros(frames, int))


@given(st.integers(0, 10_000), st.sampled_from(["prev", "first"]))
def test_every_pixel_equals_its_source_or_is_black(seed, reference):
    found = random_map(seed, reference)
    pictures = np.random.default_rng(seed).integers(1, 256, (3, 6, 6, 3)).astype(np.uint8)
    result = carried(pictures, found)
    assert np.array_equal(result[0], pictures[0])
    for i in (1, 2):
        source_of = {tuple(t): tuple(s) for t, s in zip(*found.pairs[i], strict=True)}
        for row in range(6):
            for col in range(6):
                source = source_of.get((row, col))
                expected = (0, 0, 0) if source is None else pictures[0 if reference == "first" else i - 1][source]
                assert tuple(result[i, row, col]) == tuple(expected)


def test_pictures_of_another_grid_are_refused():
    with pytest.raises(ShapeError, match="expected pictures"):
        carried(np.zeros((3, 8, 8, 3), np.uint8), random_map(0, "prev"))
