"""The measurements of ``latentman bench denoise``, their lookup, and the resulting cost of the whole video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latentman.bench.denoise.measure import Memory, Row
from latentman.bench.denoise.parts import ALIGNED, GUIDED, NUM_STEPS, counterpart


@dataclass(frozen=True, slots=True)
class Video:
    """The paper's whole video by a route: seconds, ``measured`` or added up from the parts, peak in bytes."""

    route: str
    gradient: str
    seconds: float
    measured: bool
    peak: int | None


@dataclass(frozen=True, slots=True)
class Results:
    """All results of a benchmark. ``clips``: frames and the memory of our direct step with them."""

    model: str
    device: str
    card: str
    dtype: str
    frames: int
    image_size: int
    threads: int
    matmul_tflops: float
    rows: tuple[Row, ...]
    videos: tuple[Video, ...]
    clips: tuple[tuple[int, Memory | None], ...]

    @property
    def on_cuda(self) -> bool:
        """Whether a GPU did the work."""
        return self.device.startswith("cuda")

    def row(self, route: str, part: str) -> Row | None:
        """Return the row of a part; None if it was not measured."""
        return next((row for row in self.rows if (row.route, row.part) == (route, part)), None)

    def against(self, row: Row) -> tuple[float | None, float | None]:
        """Return a row's milliseconds and its peak relative to what the released route needs."""
        other = self.row("released", counterpart(row.part))
        return (None, None) if other is None else (ratio(row.ms, other.ms), ratio(row.peak, other.peak))

    def best(self, part: str) -> Row | None:
        """Return our fastest row of a part, with any levers."""
        timed = [row for row in self.rows if row.route != "released" and row.part == part and row.ms is not None]
        return min(timed, key=lambda row: row.ms or 0.0, default=None)

    def video(self, route: str, gradient: str) -> Video | None:
        """Return a whole video, measured if possible, else added up."""
        found = [v for v in self.videos if (v.route, v.gradient) == (route, gradient)]
        return max(found, key=lambda v: v.measured, default=None)

    def quickest_video(self, gradient: str) -> Video | None:
        """Return our fastest whole video with a gradient."""
        found = [v for v in self.videos if v.route != "released" and v.gradient == gradient]
        return min(found, key=lambda v: v.seconds, default=None)

    def growth(self) -> float | None:
        """Return the peak with the longest clip relative to that with the shortest; None if one was not measured."""
        if len(self.clips) < 2:
            return None
        (_, short), (_, long) = self.clips[0], self.clips[-1]
        return None if short is None or long is None else long.peak / short.peak


def ratio(value: float | None, reference: float | None) -> float | None:
    """Return a quotient; None if one of the two is missing or zero."""
    return None if value is None or not reference else value / reference


def added_up(rows: Sequence[Row], route: str, gradient: str) -> Video | None:
    """Return the whole video's seconds from its parts; None if a part was not measured or did not fit."""
    parts = {row.part: row for row in rows if row.route == route}
    counts = {"plain": NUM_STEPS - len(GUIDED), gradient: len(GUIDED), "align": len(ALIGNED), "decode": 1}
    if any(part not in parts or parts[part].ms is None for part in counts):
        return None
    seconds = sum(count * (parts[part].ms or 0.0) for part, count in counts.items()) / 1000
    peak = max((parts[part].peak or 0 for part in counts), default=0) or None
    return Video(route, gradient, seconds, False, peak)
