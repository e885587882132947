"""The correspondence search of the paper's section 3.3, for a clip.

Part by part, the pixels of a frame are matched with the pixels of its reference frame by linear assignment on their
features. The smaller side of a part is matched completely; the rest of the larger side stays free.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from latentman.assignment.solvers import SOLVERS, match
from latentman.correspondence.features import FEATURES, part_features
from latentman.errors import DataError, ShapeError, check_choice
from latentman.types import NUM_PARTS, Correspondence

REFERENCES = ("prev_new", "prev", "first")
"""Which frame a frame is matched with; see :func:`match_clip`."""

IUV = NDArray[np.uint8]
Pixels = NDArray[np.int32]

_Scalar = TypeVar("_Scalar", bound=np.generic)

_log = logging.getLogger("latentman.correspondence")


@dataclass(frozen=True, slots=True)
class FramePair:
    """The matches of one frame with its reference: two (K, 2) arrays of (row, col), the cost, and what was left out."""

    target: Pixels
    source: Pixels
    cost: float
    parts_skipped: int
    gap: float | None


def downsample(images: NDArray[_Scalar], size: int) -> NDArray[_Scalar]:
    """Return images (T, H, W, ...) on a ``size`` x ``size`` grid by taking the top-left sample of each block.

    The released code reduces IUV maps and pictures in this way; the two must agree, or a match points beside its pixel.

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


def match_frames(current: IUV, reference: IUV, *, features: str, e_weight: float, solver: str) -> FramePair:
    """Match the pixels of two IUV maps (h, w, 3), part by part.

    Returns:
        The matches, parts ascending, pixels of the current frame in reading order within a part.
    """
    targets, sources = [np.empty((0, 2), np.int32)], [np.empty((0, 2), np.int32)]
    cost, skipped = 0.0, 0
    gaps: list[float | None] = []
    for part in range(1, NUM_PARTS + 1):
        pixels = [np.argwhere(iuv[..., 0] == part).astype(np.int32) for iuv in (current, reference)]
        if not len(pixels[0]) or not len(pixels[1]):
            skipped += len(pixels[0]) != len(pixels[1])
            continue
        x, y = (
            part_features(iuv[p[:, 0], p[:, 1], 1:], p, features=features, e_weight=e_weight)
            for iuv, p in zip((current, reference), pixels, strict=True)
        )
        found = match(x, y, solver, certify=True)
        targets.append(pixels[0][found.row])
        sources.append(pixels[1][found.col])
        cost += found.cost
        gaps.append(found.gap)
    return FramePair(np.concatenate(targets), np.concatenate(sources), cost, skipped, _sum_or_none(gaps))


def match_clip(
    iuv: IUV,
    *,
    size: int,
    features: str = "official",
    e_weight: float = 1.0,
    solver: str = "auto",
    reference: str = "prev_new",
    progress: Callable[[int, int], None] | None = None,
) -> Correspondence:
    """Find the map M of every frame of a clip.

    Frame 0 has no reference. Every later frame i is matched with frame i - 1 (``prev``), with frame 0 (``first``), or,
    as the paper's supplement 3 and the released code do, with a filled-in frame i - 1 (``prev_new``): after matching,
    each matched pixel of frame i takes over the IUV of its reference pixel, unmatched ones keep their own, and the
    result is the reference of frame i + 1. A point of the body thereby keeps the chart coordinates that it had when it
    was first seen.

    Args:
        iuv: (T, H, W, 3) uint8 part (0 background, 1 to 24), U, V; square.
        size: side of the grid to match on; a divisor of H. The grid takes the top-left sample of each block.
        features: ``official`` or ``paper``, see :func:`~latentman.correspondence.features.part_features`.
        e_weight: factor on E.
        solver: one of :data:`~latentman.assignment.solvers.SOLVERS`.
        reference: ``prev_new``, ``prev`` or ``first``.
        progress: called with (pairs done, pairs in all) after each of the T - 1 pairs.

    Returns:
        The map. A pair without a common part is empty; its parts are counted in ``parts_skipped``.

    Raises:
        ShapeError: if the maps are not (T, H, H, 3) uint8, or ``size`` does not divide H.
        DataError: if there is no frame, or a part above 24.
        ConfigError: if ``features``, ``solver`` or ``reference`` is unknown.
    """
    check_choice("correspondence.features", features, FEATURES)
    check_choice("solver", solver, SOLVERS)
    check_choice("reference", reference, REFERENCES)
    maps = downsample(_check_maps(iuv), size)
    empty = np.empty((0, 2), np.int32)
    pairs = [FramePair(empty, empty, 0.0, 0, 0.0)]
    source_map = maps[0]
    for done, current in enumerate(maps[1:], start=1):
        pair = match_frames(current, source_map, features=features, e_weight=e_weight, solver=solver)
        pairs.append(pair)
        if reference == "prev":
            source_map = current
        elif reference == "prev_new":
            source_map = fill_in(current, source_map, pair)
        if progress is not None:
            progress(done, len(maps) - 1)
    gaps = [pair.gap for pair in pairs]
    return Correspondence(
        pairs=tuple((pair.target, pair.source) for pair in pairs),
        size=size,
        reference=reference,
        cost=np.array([pair.cost for pair in pairs]),
        parts_skipped=np.array([pair.parts_skipped for pair in pairs], dtype=np.int64),
        certificate=None if None in gaps else np.array(gaps, dtype=np.float64),
    )


def fill_in(current: IUV, reference: IUV, pair: FramePair) -> IUV:
    """Return the current IUV map with the reference's values at matched pixels: the next reference of ``prev_new``."""
    filled = current.copy()
    filled[tuple(pair.target.T)] = reference[tuple(pair.source.T)]
    return filled


def _check_maps(iuv: IUV) -> IUV:
    if iuv.ndim != 4 or iuv.shape[-1] != 3 or iuv.dtype != np.uint8:
        raise ShapeError(f"correspondence: IUV maps must be (T, H, W, 3) uint8, got {iuv.shape} {iuv.dtype}")
    if len(iuv) == 0:
        raise DataError("correspondence: there is no frame to match")
    if iuv[..., 0].max(initial=0) > NUM_PARTS:
        raise DataError(
            f"correspondence: the IUV maps name part {iuv[..., 0].max()}; parts are 1 to {NUM_PARTS}, 0 the background"
        )
    return iuv


def _sum_or_none(gaps: list[float | None]) -> float | None:
    known = [gap for gap in gaps if gap is not None]
    return float(sum(known)) if len(known) == len(gaps) else None


def warn_of_losses(maps: Sequence[Correspondence]) -> None:
    """Say once for a clip, for all its grids, which frames have no match at all and how many parts had no partner."""
    for matches in maps:
        without = [str(i) for i, (target, _) in enumerate(matches.pairs) if i > 0 and len(target) == 0]
        if without:
            _log.warning(
                "correspondence: %d of %d frames (%s) have no match with their reference on the %dx%d grid",
                len(without), len(matches.pairs) - 1, ", ".join(without), matches.size, matches.size,
            )  # fmt: skip
    skipped = [(int(matches.parts_skipped.sum()), matches.size) for matches in maps]
    if any(count for count, _ in skipped):
        counts = ", ".join(f"{count} times at {size}x{size}" for count, size in skipped)
        _log.warning("correspondence: a body part was seen in only one frame of a pair and left unmatched %s", counts)
