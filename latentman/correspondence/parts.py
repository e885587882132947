"""Matching of one body part at a time: its pixels in every frame, and their matches with the reference frame.

A match never leaves its part, and a part's features depend only on its own pixels. The parts of a clip are therefore
independent of each other. This also holds in the filled-in chain ``prev_new``: the filled-in map has the same pixels in
each part, and takes their chart coordinates from the same part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from latentman.assignment.problem import IntArray
from latentman.assignment.solvers import match
from latentman.correspondence.features import part_features
from latentman.types import source_frame

IUV = NDArray[np.uint8]
Pixels = NDArray[np.int32]

_NO_INDICES = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class PartView:
    """One part in one frame: ``pixels`` (n, 2) int32 (row, col) in reading order, ``uv`` (n, 2) uint8."""

    pixels: Pixels
    uv: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PartMatch:
    """The matches of one part of frame ``frame_index``: indices (K,) into its pixels and into the reference's.

    ``cost`` is the sum of feature distances, ``gap`` its proven distance to the optimum or None. A part that is missing
    in one frame is ``is_skipped``, with cost and gap 0. ``work`` is n * m, a measure of computing time.
    """

    frame_index: int
    part: int
    row: IntArray
    col: IntArray
    cost: float
    gap: float | None
    is_skipped: bool
    work: int


@dataclass(frozen=True, slots=True)
class PartTask:
    """A sequence of matches that is independent of other tasks; ``work`` is their total."""

    work: int
    matches: Iterator[PartMatch]


@dataclass(frozen=True, slots=True)
class PartMatcher:
    """Matches two views of a part: see :func:`~latentman.correspondence.match.match_clip`."""

    features: str
    e_weight: float
    solver: str

    def __call__(self, here: PartView, there: PartView, frame_index: int, part: int) -> PartMatch:
        """Match the pixels of a part in frame ``frame_index`` (``here``) with its reference (``there``)."""
        if not len(here.pixels) or not len(there.pixels):
            is_skipped = len(here.pixels) != len(there.pixels)
            return PartMatch(frame_index, part, _NO_INDICES, _NO_INDICES, 0.0, 0.0, is_skipped, work=0)
        x, y = (
            part_features(view.uv, view.pixels, features=self.features, e_weight=self.e_weight)
            for view in (here, there)
        )
        found = match(x, y, self.solver, certify=True)
        return PartMatch(frame_index, part, found.row, found.col, found.cost, found.gap, False, _work(here, there))


def part_views(iuv: IUV, parts: Sequence[int]) -> dict[int, PartView]:
    """Return the views of these parts in one IUV map (h, w, 3); a part that is not visible has an empty view."""
    pixels = {part: np.argwhere(iuv[..., 0] == part).astype(np.int32) for part in parts}
    return {part: PartView(p, iuv[p[:, 0], p[:, 1], 1:]) for part, p in pixels.items()}


def seen_parts(maps: IUV) -> list[int]:
    """Return the parts that occur in IUV maps (..., 3), ascending, without the background."""
    return [int(part) for part in np.unique(maps[..., 0]) if part > 0]


def fill_in(here: PartView, there: PartView, found: PartMatch) -> PartView:
    """Return ``here`` with the reference's chart coordinates at matched pixels: the next reference of ``prev_new``."""
    uv = here.uv.copy()
    uv[found.row] = there.uv[found.col]
    return replace(here, uv=uv)


def part_tasks(views: Sequence[Mapping[int, PartView]], reference: str, matcher: PartMatcher) -> list[PartTask]:
    """Return independent tasks that together match every part of every frame but the first, the longest task first.

    Args:
        views: for each frame, the views of the clip's parts.
        reference: ``prev_new`` (one task for each part, through all frames), or ``prev`` or ``first`` (one task for
            each part of each frame).
        matcher: matches two views.
    """
    tasks = []
    for part in views[0]:
        clip = [of_frame[part] for of_frame in views]
        if reference == "prev_new":
            work = sum(_work(here, there) for here, there in pairwise(clip))
            tasks.append(PartTask(work, _chain(clip, part, matcher)))
            continue
        for i in range(1, len(clip)):
            there = clip[source_frame(reference, i)]
            tasks.append(PartTask(_work(clip[i], there), _single(clip[i], there, i, part, matcher)))
    return sorted(tasks, key=lambda task: -task.work)


def _work(here: PartView, there: PartView) -> int:
    return len(here.pixels) * len(there.pixels)


def _chain(clip: Sequence[PartView], part: int, matcher: PartMatcher) -> Iterator[PartMatch]:
    there = clip[0]
    for i, here in enumerate(clip[1:], start=1):
        found = matcher(here, there, i, part)
        yield found
        there = fill_in(here, there, found)


def _single(here: PartView, there: PartView, frame_index: int, part: int, matcher: PartMatcher) -> Iterator[PartMatch]:
    yield matcher(here, there, frame_index, part)
