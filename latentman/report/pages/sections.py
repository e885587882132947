"""The sections of a page as plain data, made from the status and the metrics of a run; ``parts.html`` lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentman.record.status import error_line, mapping
from latentman.report.pages.svg_bars import Bars, pair_bars

METRICS = {
    "human_mse": ("H_MSE", "squared levels, 0 to 255", "colour change along the body between frames; lower is better"),
    "human_mse_official_uint8": ("H_MSE, modulo 256", "squared levels modulo 256", "as the published code computes it"),
    "human_mse_mesh": (
        "H_MSE on the mesh",
        "squared levels, 0 to 255",
        "the same along exact points, independent of M",
    ),
    "warp_error": (
        "Warp error",
        "squared levels, 0 to 255, summed over RGB",
        "colour change of the figure along the mesh's flow, at full size; lower is better",
    ),
    "psnr_aligned": (
        "PSNR, aligned",
        "dB",
        "the figure against the previous frame, warped along the mesh's flow; at most 58.9; higher is better",
    ),
    "ssim_aligned": (
        "SSIM, aligned",
        "similarity, -1 to 1",
        "structure of the figure against the previous frame, warped along the mesh's flow; higher is better",
    ),
    "lpips_aligned": (
        "LPIPS, aligned",
        "distance, 0 up",
        "perceptual change of the figure against the previous frame, warped along the mesh's flow; lower is better",
    ),
    "background_flicker": (
        "Background flicker",
        "levels, 0 to 255",
        "change from frame to frame outside the figure; lower is better",
    ),
    "background_warp_error": (
        "Background warp error",
        "squared levels, 0 to 255, summed over RGB",
        "colour change of the background along the scene's map, at full size; lower is better",
    ),
    "coverage": (
        "Coverage",
        "share",
        "part of the figure that the map M matches; hidden points have no match",
    ),
    "map_error_px": ("Map error", "pixels of the map's grid", "distance of M from the mesh's exact positions"),
    "figure_contrast": (
        "Figure contrast",
        "levels, 0 to 255",
        "contrast of the figure with its surroundings; a fading figure scores low",
    ),
    "figure_overlap": (
        "Figure overlap",
        "intersection over union",
        "how well the drawn figure fills its mask; higher is better",
    ),
    "flicker": ("Flicker", "levels, 0 to 255", "change of the whole picture from frame to frame, motion included"),
    "clip_text": ("CLIP: text", "cosine, -1 to 1", "how well the frames show the prompt; higher is better"),
    "clip_frames": ("CLIP: frames", "cosine, -1 to 1", "similarity of consecutive frames; higher is better"),
    "lpips_frames": ("LPIPS of frames", "distance, 0 up", "perceptual change of the whole picture, motion included"),
    "num_matches": ("Matched pixels", "over all pairs", "pixels that the map M connects"),
    "parts_skipped": ("Body parts skipped", "over all pairs", "visible in only one frame of a pair"),
    "unmatched_outside": (
        "Unmatched: outside",
        "pixels, over all pairs",
        "their point is beyond the edge of the reference",
    ),
    "unmatched_occluded": ("Unmatched: hidden", "over all pairs", "pixels whose point is hidden in the reference"),
    "unmatched_contested": (
        "Unmatched: contested",
        "pixels, over all pairs",
        "another pixel is nearer to their source",
    ),
}
"""Label, unit and meaning of the scores in ``metrics.json``; any other score is shown under its own name."""

CHOICES = ("setup", "motion", "body", "correspondence", "sampler", "schedule", "reference", "sla", "pwg", "fidelity")
"""The configuration groups whose choices a page shows."""

COSTS = ("seconds", "peak_memory_bytes")

TEXTS = {"positive": "Text encoder", "negative": "Negative", "motion": "Motion"}
"""The texts that models receive, and what a page calls them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The error of a run: the stage, None if unknown, with the class and the message of the error."""

    stage: str | None
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Problems:
    """What went wrong in a run."""

    failure: Failure | None
    is_interrupted: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A row of the scores: ``value`` is None where the score is missing, and ``meaning`` then holds the reason."""

    label: str
    value: str | None
    unit: str
    meaning: str
    is_main: bool


@dataclass(frozen=True, slots=True)
class StageRow:
    """The cost of a stage; the last row of a table holds the total time and the greatest memory."""

    name: str
    state: str
    seconds: str
    memory: str


@dataclass(frozen=True, slots=True)
class Score:
    """A run's H_MSE, or None with the reason."""

    value: float | None
    reason: str


def choices(status: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the choices of a run by group, in the order of ``CHOICES``."""
    chosen = mapping(status, "choices")
    return [(name, chosen[name]) for name in CHOICES if chosen.get(name) is not None]


def facts(status: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what is shown below a run's prompt: its choices, seed, number of frames and state."""
    seed = seed_text(status.get("asked_seed"), status.get("seed"))
    own = [("seed", seed or None), ("frames", status.get("num_frames")), ("state", status.get("state"))]
    return choices(status) + [(name, value) for name, value in own if value is not None]


def seed_text(asked: object, seed: object) -> str:
    """Return a run's seed as it was asked for; where its prompt of a set has one of its own, with the sum of both."""
    if asked is None or str(asked) == str(seed):
        return "" if seed is None else str(seed)
    return f"{asked}" if seed is None else f"{asked} ({seed} with the prompt's own)"


def problems(status: Mapping[str, Any]) -> Problems:
    """Return a run's error and its warnings."""
    error = error_line(status)
    failure = None
    if error:
        details = mapping(status, "error")
        stage = status.get("stage")
        failure = Failure(
            stage=str(stage) if stage else None,
            kind=str(details.get("class") or "Error"),
            message=str(details.get("message") or error),
        )
    warnings = status.get("warnings")
    return Problems(
        failure=failure,
        is_interrupted=status.get("state") == "interrupted",
        warnings=tuple(map(str, warnings)) if isinstance(warnings, list) else (),
    )


def score(status: Mapping[str, Any], metrics: Mapping[str, Any]) -> Score:
    """Return a run's H_MSE, or the reason why it has none."""
    value = metrics.get("human_mse")
    if isinstance(value, int | float):
        return Score(float(value), "")
    reason = metrics.get("human_mse_reason") or f"no score, {status.get('state') or 'state unknown'}"
    return Score(None, str(reason))


def score_rows(metrics: Mapping[str, Any]) -> list[ScoreRow]:
    """Return the scores with their units, and the reason for each that is missing; known ones come first."""
    names = [name for name in metrics if not name.endswith("_reason") and name != "per_pair"]
    names = [name for name in names if not name.startswith(COSTS)]
    known = [name for name in METRICS if name in names]
    return [_score_row(name, metrics) for name in known + [name for name in names if name not in METRICS]]


def _score_row(name: str, metrics: Mapping[str, Any]) -> ScoreRow:
    label, unit, meaning = METRICS.get(name, (name.replace("_", " "), "", ""))
    reason, is_main = metrics.get(f"{name}_reason"), name == "human_mse"
    if metrics[name] is None:
        return ScoreRow(label, None, unit, str(reason or "no reason recorded"), is_main)
    return ScoreRow(label, number(metrics[name]), unit, f"{meaning}; {reason}" if reason else meaning, is_main)


def pairs_plot(metrics: Mapping[str, Any]) -> Bars | None:
    """Return the bars of H_MSE per pair of frames; None if there is no series."""
    series = mapping(metrics, "per_pair").get("human_mse")
    if not isinstance(series, list) or not any(isinstance(value, int | float) for value in series):
        return None
    return pair_bars([float(value) if isinstance(value, int | float) else None for value in series])


def stage_rows(status: Mapping[str, Any]) -> list[StageRow]:
    """Return the cost of each stage, and of all together in the last row; empty if no stage has begun."""
    stages = {name: entry for name, entry in mapping(status, "stages").items() if isinstance(entry, Mapping)}
    if not stages:
        return []
    rows = []
    for name, entry in stages.items():
        state = entry.get("state")
        state = status.get("state") if state == "running" and status.get("state") != "done" else state
        rows.append(
            StageRow(str(name), str(state), seconds(entry.get("seconds")), memory(entry.get("peak_memory_bytes")))
        )
    known = [entry["seconds"] for entry in stages.values() if isinstance(entry.get("seconds"), int | float)]
    peaks = [e["peak_memory_bytes"] for e in stages.values() if isinstance(e.get("peak_memory_bytes"), int | float)]
    return [*rows, StageRow("total", "", seconds(sum(known)), memory(max(peaks, default=None)))]


def texts(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the texts that the models received, under their labels."""
    given = mapping(status, "texts")
    return [(label, str(given[name])) for name, label in TEXTS.items() if given.get(name) is not None]


def made_with(status: Mapping[str, Any]) -> list[str]:
    """Return the versions, the commit, the weights and the time of a run."""
    parts = [f"{name} {value}" for name, value in mapping(status, "versions").items()]
    if status.get("commit"):
        parts.append(f"commit {status['commit']}")
    parts += [f"{name} {str(value)[:12]}" for name, value in mapping(status, "weights").items()]
    when = [str(status[key]) for key in ("started", "finished") if status.get(key)]
    return [*parts, " to ".join(when)] if when else parts


def number(value: object) -> str:
    """Return a number with as many digits as a reader needs."""
    if not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e12:
        return f"{int(value):,}".replace(",", "\u202f")
    if abs(value) < 1e-3:  # rounding, as in the error of an exact map
        return "0.00"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 10 else f"{value:.2f}"


def seconds(value: object) -> str:
    """Return a duration in seconds."""
    return f"{value:.1f} s" if isinstance(value, int | float) else "–"


def memory(value: object) -> str:
    """Return bytes as megabytes or gigabytes."""
    if not isinstance(value, int | float):
        return "–"
    return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"
