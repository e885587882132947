"""The clips of a study: encoded anew, all in the same way, so that neither name nor file tells where one comes from."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from latentman.errors import DataError
from latentman.report.frames import load_frames, run_fps
from latentman.study.pairing import RunPair
from latentman.types import Array

TILES = 8
"""A damaged clip is cut into this many tiles along each side."""

MOVED = 0.5
"""The share of the tiles that a damaged frame has at another tile's place."""


@dataclass(frozen=True, slots=True)
class ClipPair:
    """The frames of two runs, (T, H, W, 3) uint8 each, of equal shape, and the rate of both."""

    ours: Array
    baseline: Array
    fps: float


def load_pair(pair: RunPair) -> ClipPair:
    """Load both videos of a pair from the same kind of file: PNG frames of both, else the mp4 of both.

    Raises:
        DataError: if a video is missing or damaged, or the two differ in size, length or rate, which would tell them
            apart without looking at what is to be judged.
    """
    for name in ("frames", "video.mp4"):
        ours, baseline = load_frames(pair.ours, name), load_frames(pair.baseline, name)
        if ours is not None and baseline is not None:
            break
    else:
        lost = pair.ours if load_frames(pair.ours, "video.mp4") is None else pair.baseline
        raise DataError(f"the video of {lost} is gone or damaged")
    rates = run_fps(pair.ours), run_fps(pair.baseline)
    if ours.shape != baseline.shape or rates[0] != rates[1]:
        shapes = " and ".join(
            f"{len(frames)} frames of {frames.shape[2]}x{frames.shape[1]} at {rate:g} a second"
            for frames, rate in zip((ours, baseline), rates, strict=True)
        )
        raise DataError(f"the two videos differ: {shapes}")
    return ClipPair(ours, baseline, rates[0])


def damage(frames: Array, seed: str) -> Array:
    """Return a clip whose surface nobody can call stable: in each frame, half of the tiles change places.

    Tiles move rather than change colour or brightness: a picture that flashes as a whole can harm people.

    Args:
        frames: (T, H, W, 3) uint8.
        seed: the same text gives the same damage.
    """
    rng = random.Random(seed)
    height, width = frames.shape[1] // TILES, frames.shape[2] // TILES
    places = [(row, column) for row in range(TILES) for column in range(TILES)]
    damaged = frames.copy()
    for whole, frame in zip(frames, damaged, strict=True):
        moved = rng.sample(places, round(MOVED * len(places)))
        for (row, column), (other_row, other_column) in zip(moved, moved[1:] + moved[:1], strict=True):
            target = np.s_[row * height : (row + 1) * height, column * width : (column + 1) * width]
            source = np.s_[
                other_row * height : (other_row + 1) * height, other_column * width : (other_column + 1) * width
            ]
            frame[target] = whole[source]
    return damaged
