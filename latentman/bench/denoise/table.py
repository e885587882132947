"""The tables of ``latentman bench denoise``, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from latentman.bench.denoise.measure import Row
from latentman.bench.denoise.parts import ALIGNED, GUIDED, NUM_STEPS
from latentman.bench.denoise.results import Results, Video, ratio
from latentman.bench.solver.table import table

_NOTHING = "–"
_LABELS = {
    "plain": "step", "direct": "guided step, `direct`", "official_uncond": "guided step, `official_uncond`",
    "full": "guided step, `full`", "align": "alignment of the latents", "decode": "finished frames",
}  # fmt: skip
_MEGABYTE = 1e6


def tables(results: Results) -> str:
    """Return all tables, each below a line that describes it."""
    clock = "milliseconds" if results.on_cuda else f"CPU milliseconds of {_threads(results.threads)}"
    parts = [
        (f"{results.model}, {results.frames} frames of {results.image_size}x{results.image_size}, {results.dtype}, "
         f"{results.card}; its matrix products reach {results.matmul_tflops:.3g} TFLOP/s. Median {clock}; the released "
         "code has one guided step, with which all of ours are compared:", _rows(results)),
        (f"The whole video: T = {NUM_STEPS}, A = [{ALIGNED.start}, {ALIGNED.stop - 1}], B = [{GUIDED.start}, "
         f"{GUIDED.stop - 1}]:", _videos(results)),
    ]  # fmt: skip
    if results.clips:
        parts.append(("Peak memory of two steps of ours, guided by `direct`:", _clips(results)))
    return "\n".join(f"{title}\n\n{text}" for title, text in parts)


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"


def _rows(results: Results) -> str:
    heads = ("route", "part", "ms", "to released", "TFLOP", "floor, ms", "floor / ms", "peak, MB", "to released",
             "over networks and inputs, MB")  # fmt: skip
    return table(heads, [_cells(results, row) for row in results.rows])


def _cells(results: Results, row: Row) -> Sequence[str]:
    slower, larger = results.against(row)
    floor = 1000 * row.tflop / results.matmul_tflops
    has_floor = row.tflop > 0 and row.ms is not None
    return (
        row.route,
        _LABELS[row.part],
        "does not fit" if row.ms is None else _short(row.ms),
        _times(slower),
        f"{row.tflop:.3g}" if row.tflop > 0 else _NOTHING,
        _short(floor) if has_floor else _NOTHING,
        f"{floor / row.ms:.0%}" if has_floor and row.ms else _NOTHING,
        _megabytes(row.peak),
        _times(larger),
        _NOTHING if row.peak is None or row.before is None else _megabytes(row.peak - row.before),
    )


def _videos(results: Results) -> str:
    heads = ("route", "gradient", "seconds", "to released", "peak, MB", "how")
    return table(heads, [_video_cells(results, video) for video in results.videos])


def _video_cells(results: Results, video: Video) -> Sequence[str]:
    others = [v for v in results.videos if v.route == "released" and v.measured == video.measured]
    return (
        video.route,
        f"`{video.gradient}`",
        _short(video.seconds),
        _times(ratio(video.seconds, others[0].seconds if others else None)),
        _megabytes(video.peak),
        "measured" if video.measured else "added up from the parts",
    )


def _clips(results: Results) -> str:
    shortest = results.clips[0][1]
    rows = []
    for frames, memory in results.clips:
        if memory is None:
            rows.append((str(frames), "does not fit", *[_NOTHING] * 3))
            continue
        growth = ratio(memory.peak, None if shortest is None else shortest.peak)
        rows.append((
            str(frames), _megabytes(memory.peak), _times(growth), _megabytes(memory.peak - memory.before),
            _megabytes(memory.inputs),
        ))  # fmt: skip
    heads = (
        "frames",
        "peak, MB",
        "to the shortest",
        "over networks and inputs, MB",
        "latents and control features, MB",
    )
    return table(heads, rows)


def _megabytes(value: int | None) -> str:
    return _NOTHING if value is None else f"{value / _MEGABYTE:.0f}"


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _times(value: float | None) -> str:
    return _NOTHING if value is None else f"× {value:.2g}"
