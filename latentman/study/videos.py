"""The videos of a study: all encoded again in the same way, so that neither name nor file reveals the origin."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentman.errors import DataError, RecordError
from latentman.report.frames import run_fps
from latentman.study.files import is_plain
from latentman.study.pairing import RunPair
from latentman.types import Array
from latentman.video import frame_paths, read_mp4, read_png_frames

TILES = 8
"""A damaged video is cut into this many tiles along each side."""

MOVED = 0.5
"""The share of the tiles of a damaged frame that are at another tile's place."""


@dataclass(frozen=True, slots=True)
class VideoPair:
    """The frames of two runs, (T, H, W, 3) uint8 each, of equal shape, and the frame rate of both."""

    ours: Array
    baseline: Array
    fps: float


def load_pair(pair: RunPair) -> VideoPair:
    """Load both videos of a pair from the same kind of file: PNG frames of both, else the mp4 of both.

    Raises:
        DataError: if a video is missing or damaged, is a link, FIFO or device instead of a plain file, or the two
            differ in size, length or rate, which would tell them apart by something other than what is judged.
    """
    for name in ("frames", "video.mp4"):
        ours, baseline = _frames(pair.ours / name), _frames(pair.baseline / name)
        if ours is not None and baseline is not None:
            break
    else:
        lost = pair.ours if _frames(pair.ours / "video.mp4") is None else pair.baseline
        raise DataError(f"the video of {lost} is missing or damaged")
    rates = run_fps(pair.ours), run_fps(pair.baseline)
    if ours.shape != baseline.shape or rates[0] != rates[1]:
        shapes = " and ".join(
            f"{len(frames)} frames of {frames.shape[2]}x{frames.shape[1]} at {rate:g} a second"
            for frames, rate in zip((ours, baseline), rates, strict=True)
        )
        raise DataError(f"the two videos differ: {shapes}")
    return VideoPair(ours, baseline, rates[0])


def _frames(path: Path) -> Array | None:
    """Return the frames of a folder of PNG files or of an mp4 file; None if it is missing or damaged.

    Raises:
        DataError: if it is there and is not a plain file, or a folder of plain files.
    """
    is_folder = path.is_dir() and not path.is_symlink()
    for each in frame_paths(path) if is_folder else [path]:
        if (each.exists() or each.is_symlink()) and not is_plain(each):
            raise DataError(f"{each} is a link, a FIFO or a device: put the file itself there")
    try:
        return read_png_frames(path) if is_folder else read_mp4(path).frames
    except RecordError:
        return None


def damage(frames: Array, seed: str) -> Array:
    """Return a video whose surface is plainly unstable: in each frame, half of the tiles change places.

    Tiles move instead of changing colour or brightness: a picture that flashes as a whole can harm people.

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
