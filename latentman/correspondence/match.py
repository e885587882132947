"""The correspondence search of the paper's section 3.3, for a clip.

Part by part, the pixels of a frame are matched with the pixels of its reference frame by linear assignment on their
features. The smaller side of a part is matched completely; the rest of the larger side stays unmatched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from latentman.assignment.solvers import SOLVERS
from latentman.correspondence.features import FEATURES
from latentman.correspondence.parallel import run_tasks
from latentman.correspondence.parts import (
    IUV,
    PartMatch,
    PartMatcher,
    PartView,
    Pixels,
    part_tasks,
    part_views,
    seen_parts,
)
from latentman.errors import ConfigError, DataError, ShapeError, check_choice
from latentman.types import MAX_CHARACTERS, NUM_PARTS, Correspondence

REFERENCES = ("prev_new", "prev", "first")
"""The frame with which each frame is matched; see :func:`match_clip`."""

MAX_PARTS = NUM_PARTS * MAX_CHARACTERS
"""The largest number of a part: each character of a scene has 24 of its own, so that no match joins two of them."""

Progress = Callable[[int, int], None]

_Scalar = TypeVar("_Scalar", bound=np.generic)

_log = logging.getLogger("latentman.correspondence")


def downsample(images: NDArray[_Scalar], size: int) -> NDArray[_Scalar]:
    """Return images (T, H, W, ...) on a ``size`` x ``size`` grid by taking the top-left sample of each block.

    The released code reduces IUV maps and pictures in this way. The two must agree, or a match is offset from its
    pixel.

    Raises:
        ShapeError: if the images are not square or ``size`` does not divide their side.
    """
    height, width = images.shape[1:3]
    if height != width:
        raise ShapeError(
            f"correspondence: frames of {height}x{width} are not square; only square pictures can be matched"
        )
    if size < 1 or height % size:
        raise ShapeError(
            f"correspondence: a grid of {size} does not divide frames of {height}x{width}; choose a divisor of {height}"
        )
    step = height // size
    return images[:, ::step, ::step]


def match_clip(
    iuv: IUV,
    *,
    size: int,
    features: str = "official",
    e_weight: float = 1.0,
    solver: str = "auto",
    reference: str = "prev_new",
    workers: int = 1,
    progress: Progress | None = None,
) -> Correspondence:
    """Find the map M of every frame of a clip.

    Frame 0 has no reference. Every later frame i is matched with frame i - 1 (``prev``), with frame 0 (``first``), or,
    as the paper's supplement 3 and the released code do, with a filled-in frame i - 1 (``prev_new``): after matching,
    each matched pixel of frame i takes the IUV of its reference pixel, unmatched pixels keep their own, and the result
    is the reference of frame i + 1. A point of the body thus keeps the chart coordinates that it had when it was first
    visible.

    Args:
        iuv: (T, H, W, 3) uint8 part (0 background, 1 to 24, and 24 more for each further character), U, V; square.
        size: side of the grid to match on; a divisor of H. The grid takes the top-left sample of each block.
        features: ``official`` or ``paper``, see :func:`~latentman.correspondence.features.part_features`.
        e_weight: factor on E.
        solver: one of :data:`~latentman.assignment.solvers.SOLVERS`.
        reference: ``prev_new``, ``prev`` or ``first``.
        workers: threads that match body parts in parallel; the result is the same for any number.
        progress: called in this thread with (pairs done, pairs in total), once for each count from 1. Parts do not
            advance in step, so progress reports the work done, in units of a pair, not the frame reached.

    Returns:
        The map; in each frame, parts are ascending, and pixels are in reading order within a part. A pair without a
        common part is empty; its parts are counted in ``parts_skipped``.

    Raises:
        ShapeError: if the maps are not (T, H, H, 3) uint8, or ``size`` does not divide H.
        DataError: if there is no frame, or a part above 240.
        ConfigError: if ``features``, ``solver`` or ``reference`` is unknown, or ``workers`` below 1.
    """
    check_choice("correspondence.features", features, FEATURES)
    SOLVERS.check(solver)
    check_choice("reference", reference, REFERENCES)
    if workers < 1:
        raise ConfigError(f"correspondence.workers={workers} is too small: use at least 1")
    maps = np.ascontiguousarray(downsample(_check_maps(iuv), size))
    matcher = PartMatcher(features, e_weight, solver)
    found = _search(maps, matcher, reference, workers, progress)
    if left := int(num_unmatched(maps, found).sum()):
        _log.warning(
            "correspondence: solver=%s left %d of %d matchable pixels unmatched on the %dx%d grid",
            solver, left, left + found.num_matches, size, size,
        )  # fmt: skip
    return found


def num_unmatched(maps: IUV, found: Correspondence) -> NDArray[np.int64]:
    """Return how many more pixels (T,) of each frame could have been matched, part by part, with distinct partners.

    0 for every exact solver and ``greedy``.

    Args:
        maps: (T, size, size, 3) the matched IUV maps, on the grid of ``found``.
        found: the map.
    """
    counts = [np.bincount(iuv[..., 0].ravel(), minlength=MAX_PARTS + 1)[1:] for iuv in maps]
    possible = [np.minimum(counts[i], counts[found.source_frame(i)]).sum() for i in range(1, len(maps))]
    return np.array([0] + [n - len(target) for n, (target, _) in zip(possible, found.pairs[1:], strict=True)])


def _search(maps: IUV, matcher: PartMatcher, reference: str, workers: int, progress: Progress | None) -> Correspondence:
    """Match all parts of all frames (T, size, size, 3)."""
    parts = seen_parts(maps)
    views = [part_views(iuv, parts) for iuv in maps]
    tasks = part_tasks(views, reference, matcher)
    counter = _Counter(progress, len(maps) - 1, sum(task.work for task in tasks))
    matches: list[list[PartMatch]] = [[] for _ in maps]
    for found in run_tasks([task.matches for task in tasks], workers):
        matches[found.frame_index].append(found)
        counter.add(found.work)
    counter.tell(len(maps) - 1)
    for of_frame in matches:
        of_frame.sort(key=lambda found: found.part)
    sources = [views[0 if reference == "first" else max(i - 1, 0)] for i in range(len(views))]
    gaps = [_sum_or_none([found.gap for found in of_frame]) for of_frame in matches]
    return Correspondence(
        pairs=tuple(_pixels(*frame) for frame in zip(views, sources, matches, strict=True)),
        size=maps.shape[1],
        reference=reference,
        cost=np.array([float(sum(found.cost for found in of_frame)) for of_frame in matches]),
        parts_skipped=np.array([sum(found.is_skipped for found in of_frame) for of_frame in matches], dtype=np.int64),
        certificate=None if None in gaps else np.array(gaps, dtype=np.float64),
    )


def _pixels(
    here: Mapping[int, PartView], there: Mapping[int, PartView], matches: Sequence[PartMatch]
) -> tuple[Pixels, Pixels]:
    """Return the matched pixels of a frame and of its reference, (K, 2) each."""
    nothing = np.empty((0, 2), np.int32)
    targets = [here[found.part].pixels[found.row] for found in matches]
    sources = [there[found.part].pixels[found.col] for found in matches]
    return np.concatenate([nothing, *targets]), np.concatenate([nothing, *sources])


class _Counter:
    """Reports progress in pairs, in proportion to the work done."""

    def __init__(self, progress: Progress | None, pairs: int, work: int) -> None:
        self._progress, self._pairs, self._work = progress, pairs, work
        self._done = self._told = 0

    def add(self, work: int) -> None:
        self._done += work
        self.tell(self._pairs * self._done // self._work if self._work else 0)

    def tell(self, count: int) -> None:
        while self._told < count:
            self._told += 1
            if self._progress is not None:
                self._progress(self._told, self._pairs)


def _sum_or_none(gaps: Sequence[float | None]) -> float | None:
    known = [gap for gap in gaps if gap is not None]
    return float(sum(known)) if len(known) == len(gaps) else None


def _check_maps(iuv: IUV) -> IUV:
    if iuv.ndim != 4 or iuv.shape[-1] != 3 or iuv.dtype != np.uint8:
        raise ShapeError(f"correspondence: IUV maps must be (T, H, W, 3) uint8, got {iuv.shape} {iuv.dtype}")
    if len(iuv) == 0:
        raise DataError("correspondence: there are no frames to match")
    if iuv[..., 0].max(initial=0) > MAX_PARTS:
        raise DataError(
            f"correspondence: the IUV maps name part {iuv[..., 0].max()}; parts are 1 to {MAX_PARTS} "
            f"({NUM_PARTS} for each of {MAX_CHARACTERS} characters), 0 the background"
        )
    return iuv


def warn_of_losses(maps: Sequence[Correspondence]) -> None:
    """Warn once per clip, for all its grids, of frames without any match and of parts without a partner."""
    for matches in maps:
        without = [str(i) for i, (target, _) in enumerate(matches.pairs) if i > 0 and len(target) == 0]
        if without:
            _log.warning(
                "correspondence: %d of %d frames (%s) have no matches with their reference on the %dx%d grid",
                len(without), len(matches.pairs) - 1, ", ".join(without), matches.size, matches.size,
            )  # fmt: skip
    skipped = [(int(matches.parts_skipped.sum()), matches.size) for matches in maps]
    if any(count for count, _ in skipped):
        counts = ", ".join(f"{count} times at {size}x{size}" for count, size in skipped)
        _log.warning("correspondence: body parts visible in only one frame of a pair were left unmatched: %s", counts)
