"""Correspondences and IUV maps of random numbers."""

from dataclasses import replace

import numpy as np

from latentman.types import Correspondence


def random_map(seed, frames=4, size=6, reference="prev", matches=9):
    rng = np.random.default_rng(seed)
    cells = np.argwhere(np.ones((size, size))).astype(np.int32)
    empty = np.empty((0, 2), np.int32)
    pairs = [(empty, empty)] + [tuple(rng.permutation(cells)[:matches] for _ in "ts") for _ in range(frames - 1)]
    return Correspondence(tuple(pairs), size, reference, np.zeros(frames), np.zeros(frames, int))


def with_positions(matches, shift):
    """The same map with sources away from their samples, by up to ``shift`` of a grid cell."""
    rng = np.random.default_rng(9)
    positions = tuple((s + rng.uniform(-shift, shift, s.shape)).astype(np.float32) for _, s in matches.pairs)
    return replace(matches, positions=positions)


def random_clip(seed, frames=5, side=16, parts=24):
    """Random parts that appear and disappear, with coarse charts, so that equal features are frequent."""
    rng = np.random.default_rng(seed)
    iuv = rng.integers(0, 6, (frames, side, side, 3), dtype=np.uint8) * 40
    iuv[..., 0] = rng.integers(0, parts + 1, (frames, side, side))
    iuv[rng.random((frames, side, side)) < 0.3] = 0
    return iuv
