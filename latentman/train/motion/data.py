"""Training data of the mini MDM: captioned clips of a folder, their mirror images, and procedural clips.

A data folder holds ``motions.npz`` (``features`` (N, 263), all clips concatenated, not normalised) and ``index.jsonl``
with one clip per line: name, category, offset, length, captions. ``prepare-bvh`` creates such a folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentman.errors import DataError
from latentman.files.json_file import parse_json
from latentman.files.npz_file import read_npz
from latentman.files.opening import read_text
from latentman.files.schema import ArrayOf
from latentman.motion.humanml3d import (
    CONTACTS,
    FPS,
    NUM_FEATURES,
    RIC,
    ROOT_HEIGHT,
    ROOT_VELOCITY,
    ROOT_YAW,
    ROTATIONS,
    VELOCITIES,
    Statistics,
    canonicalise,
    features,
    mirror,
    recover,
)
from latentman.motion.procedural.source import ProceduralSource
from latentman.train.motion.captions import captions, orders
from latentman.types import Array

_BLOCKS = (ROOT_YAW, ROOT_VELOCITY, ROOT_HEIGHT, RIC, ROTATIONS, VELOCITIES, CONTACTS)
"""Groups of features that share one standard deviation, as in HumanML3D."""

_CAPTIONS_PER_CLIP = 6


@dataclass(frozen=True, slots=True)
class Clip:
    """A captioned clip: ``features`` (T, 263) float32, not normalised."""

    features: Array
    category: str
    captions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Clips cut to one length: ``motion`` (N, T, 263) normalised, zeros beyond ``lengths`` (N,)."""

    motion: Array
    lengths: Array
    captions: list[str]
    categories: Array


def read_folder(folder: Path) -> list[Clip]:
    """Read the clips of a data folder, except mirror images: training creates its own.

    Raises:
        DataError: if a file is missing, damaged, or has another layout.
    """
    try:
        values = read_npz(folder / "motions.npz", schema={"features": ArrayOf("f", ("N", NUM_FEATURES))})["features"]
        lines = read_text(folder / "index.jsonl").splitlines()
        entries: list[dict[str, Any]] = [parse_json(line) for line in lines if line.strip()]
        clips = [
            Clip(values[e["offset"] : e["offset"] + e["length"]], str(e["category"]), tuple(map(str, e["captions"])))
            for e in entries
        ]
    except FileNotFoundError as error:
        raise DataError(
            f"data={folder} is not a folder of training motions: {Path(str(error.filename)).name} is missing; create "
            "one with `latentman train prepare-bvh`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"data={folder} cannot be read as training motions: {error!r}") from error
    if values.ndim != 2 or values.shape[1] != NUM_FEATURES or not np.isfinite(values).all():
        raise DataError(f"data={folder}: features must be finite and (N, {NUM_FEATURES}), got {values.shape}")
    short = [e for e, clip in zip(entries, clips, strict=True) if len(clip.features) != e["length"]]
    if not clips or short or not all(clip.captions for clip in clips):
        raise DataError(f"data={folder}: its index contains no clips, clips without captions, or frames beyond the end")
    return [clip for clip, entry in zip(clips, entries, strict=True) if not entry.get("mirrored", False)]


def mirrored(clip: Clip) -> Clip:
    """Return the mirror image of a clip, with left and right also exchanged in its captions."""
    joints = recover(clip.features)
    joints = np.concatenate([joints, 2 * joints[-1:] - joints[-2:-1]])  # features need one more frame than they have
    swapped = tuple(swap_sides(text) for text in clip.captions)
    return Clip(_features(mirror(joints)), swap_sides(clip.category), swapped)


def swap_sides(text: str) -> str:
    """Return a text with the words "left" and "right" exchanged."""
    other = {"left": "right", "right": "left"}
    return re.sub(r"\b(left|right)\b", lambda match: other[match[0]], text)


def procedural_clips(count: int, num_frames: int, seed: int) -> list[Clip]:
    """Return ``count`` clips of each order that the procedural source understands, with their captions."""
    source, rng = ProceduralSource(FPS), np.random.default_rng(seed)
    clips = []
    for order in orders():
        for _ in range(count):
            said = captions(order, rng, _CAPTIONS_PER_CLIP)
            frames = int(rng.integers(num_frames // 2, num_frames + 1)) + 1
            motion = source(said[0], num_frames=frames, seed=int(rng.integers(2**31)))
            clips.append(Clip(_features(motion.joints), order.category, tuple(said)))
    return clips


def _features(joints: Array) -> Array:
    """Return features (T-1, 263) in single precision, of joints turned to face +Z, with heights kept."""
    return features(canonicalise(joints, grounded=False)).astype(np.float32)


def measure(clips: Sequence[Clip]) -> Statistics:
    """Return the mean of every feature and one deviation for each group of features."""
    values = np.concatenate([clip.features for clip in clips]).astype(np.float64)
    deviation = values.std(axis=0)
    for block in _BLOCKS:
        deviation[block] = max(float(deviation[block].mean()), 1e-3)
    return Statistics(values.mean(axis=0), deviation)


class MotionData:
    """Draws training batches: a source of clips, then a category, then a clip, then a window.

    A share of the batch (``procedural_share``) comes from procedural clips. Categories are weighted by the
    ``balance``-th power of their length: 1 keeps their proportions, 0 makes them equal.
    """

    def __init__(
        self, recorded: Sequence[Clip], procedural: Sequence[Clip], *, procedural_share: float, balance: float
    ) -> None:
        self.clips = [*recorded, *procedural]
        self.statistics = measure(self.clips)
        self.categories = sorted({clip.category for clip in self.clips})
        self._values = [self.statistics.normalise(clip.features).astype(np.float32) for clip in self.clips]
        shares = ((recorded, 0, 1 - procedural_share), (procedural, len(recorded), procedural_share))
        chance = np.zeros(len(self.clips))
        for clips, first, share in shares:
            if clips:
                chance[first : first + len(clips)] = share * _chances(clips, balance)
        self._chance = chance / chance.sum()

    def draw(self, rng: np.random.Generator, size: int, frames: int) -> Batch:
        """Return ``size`` windows of at most ``frames`` frames."""
        motion = np.zeros((size, frames, NUM_FEATURES), dtype=np.float32)
        lengths, said = np.zeros(size, dtype=np.int64), []
        chosen = rng.choice(len(self.clips), size, p=self._chance)
        for row, index in enumerate(chosen):
            values = self._values[index]
            length = min(len(values), frames)
            first = int(rng.integers(len(values) - length + 1))
            motion[row, :length], lengths[row] = values[first : first + length], length
            texts = self.clips[index].captions
            said.append(texts[int(rng.integers(len(texts)))])
        numbers = np.array([self.categories.index(self.clips[index].category) for index in chosen])
        return Batch(motion, lengths, said, numbers)

    def vocabulary(self) -> list[str]:
        """Return every word of the captions."""
        from latentman.motion.learned.mini_text import words_of

        return sorted({word for clip in self.clips for text in clip.captions for word in words_of(text)})


def _chances(clips: Sequence[Clip], balance: float) -> Array:
    """Return the probability of each clip: its category's share, divided by length within the category."""
    lengths = np.array([len(clip.features) for clip in clips], dtype=np.float64)
    total: dict[str, float] = {}
    for clip, length in zip(clips, lengths, strict=True):
        total[clip.category] = total.get(clip.category, 0.0) + length
    norm = sum(length**balance for length in total.values())
    return np.array(
        [total[c.category] ** balance / norm * n / total[c.category] for c, n in zip(clips, lengths, strict=True)]
    )
