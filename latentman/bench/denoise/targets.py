"""The targets of the denoising loop, and whether this run reached them."""

from __future__ import annotations

from latentman.bench.denoise.results import Results
from latentman.bench.solver.targets import Target

_GIB = 2**30
_MOST_GROWTH = 1.15
_STEP_MS = {"plain": (50.0, None), "direct": (200.0, 150.0), "official_uncond": (330.0, 250.0)}
"""Milliseconds of a step of 8 frames of Stable Diffusion 1.5 on an H100: the required value, and the goal."""

_VIDEO_RATIO, _VIDEO_GOAL = 2.8, 3.5
_PEAK_GIB, _LONG_PEAK_GIB = 8.0, 12.0


def target_lines(results: Results) -> str:
    """Return the targets as a list, one a line."""
    return "Targets:\n\n" + "\n".join(target.line() for target in targets(results)) + "\n"


def targets(results: Results) -> list[Target]:
    """Return every target with its measured value: absolute ones on an H100 for Stable Diffusion 1.5, else ratios."""
    return _on_a_card(results) if results.on_cuda and results.model == "sd15" else _ratios(results)


def _on_a_card(results: Results) -> list[Target]:
    listed = []
    for part, (limit, goal) in _STEP_MS.items():
        row = results.best(part)
        ms = None if row is None else row.ms
        listed.append(Target(f"{part}, our quickest route, ms a step:", ms, limit))
        if goal is not None:
            listed.append(Target(f"{part}, our quickest route, ms a step, the goal:", ms, goal))
    theirs, ours = results.video("released", "official_uncond"), results.quickest_video("direct")
    share = None if theirs is None or ours is None else ours.seconds / theirs.seconds
    listed.append(Target("whole video, direct / released, seconds:", share, 1 / _VIDEO_RATIO))
    listed.append(Target("whole video, direct / released, seconds, the goal:", share, 1 / _VIDEO_GOAL))
    peaks = [row.peak for row in results.rows if row.route != "released" and row.peak is not None]
    listed.append(Target("our largest peak, GiB:", max(peaks) / _GIB if peaks else None, _PEAK_GIB))
    if results.clips:
        frames, memory = results.clips[-1]
        value = None if memory is None else memory.peak / _GIB
        listed.append(Target(f"our peak with {frames} frames, GiB:", value, _LONG_PEAK_GIB))
    return listed


def _ratios(results: Results) -> list[Target]:
    listed = []
    for part in ("plain", "direct", "official_uncond", "decode"):
        row = results.row("ours", part)
        slower, larger = (None, None) if row is None else results.against(row)
        listed.append(Target(f"{part}, ours / released, milliseconds:", slower, 1.0))
        listed.append(Target(f"{part}, ours / released, peak memory:", larger, 1.0))
    if results.clips:
        text = f"our peak memory, {results.clips[-1][0]} frames / {results.clips[0][0]} frames:"
        listed.append(Target(text, results.growth(), _MOST_GROWTH))
    return listed
