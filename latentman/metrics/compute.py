"""Computing scores by name, for a run or a command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from latentman.errors import ConfigError, check_choice
from latentman.metrics.aligned import psnr_aligned, ssim_aligned
from latentman.metrics.evidence import Evidence
from latentman.metrics.figure import figure_contrast, figure_overlap
from latentman.metrics.flicker import background_flicker, flicker
from latentman.metrics.human_mse import human_mse, human_mse_official_uint8
from latentman.metrics.likeness import clip_frames, clip_text, lpips_aligned, lpips_frames
from latentman.metrics.map_quality import coverage, map_error_px
from latentman.metrics.warp import human_mse_mesh, warp_error
from latentman.types import Score


@dataclass(frozen=True, slots=True)
class Metric:
    """A score and its inputs besides the frames (``evidence.NEEDS``), in the order in which they are checked."""

    score: Callable[[Any], Score]
    needs: tuple[str, ...] = ()


METRICS: dict[str, Metric] = {
    "human_mse": Metric(lambda e: human_mse(e.frames, e.correspondence), ("map",)),
    "human_mse_official_uint8": Metric(lambda e: human_mse_official_uint8(e.frames, e.correspondence), ("map",)),
    "human_mse_mesh": Metric(lambda e: human_mse_mesh(e.frames, e.judge), ("mesh",)),
    "warp_error": Metric(lambda e: warp_error(e.frames, e.judge), ("mesh",)),
    "psnr_aligned": Metric(lambda e: psnr_aligned(e.frames, e.judge), ("mesh",)),
    "ssim_aligned": Metric(lambda e: ssim_aligned(e.frames, e.judge), ("mesh",)),
    "lpips_aligned": Metric(lambda e: lpips_aligned(e.frames, e.judge, e.lpips), ("mesh", "lpips")),
    "background_flicker": Metric(
        lambda e: background_flicker(e.frames, e.mask, camera_moves=e.camera_moves), ("mask",)
    ),
    "coverage": Metric(lambda e: coverage(e.correspondence, e.conditions), ("map", "mesh")),
    "map_error_px": Metric(lambda e: map_error_px(e.correspondence, e.judge), ("map", "mesh")),
    "figure_contrast": Metric(lambda e: figure_contrast(e.frames, e.mask), ("mask",)),
    "figure_overlap": Metric(lambda e: figure_overlap(e.frames, e.mask), ("mask",)),
    "flicker": Metric(lambda e: flicker(e.frames)),
    "clip_text": Metric(lambda e: clip_text(e.frame_vectors, e.prompt, e.clip), ("prompt", "clip")),
    "clip_frames": Metric(lambda e: clip_frames(e.frame_vectors), ("clip",)),
    "lpips_frames": Metric(lambda e: lpips_frames(e.frames, e.lpips), ("lpips",)),
}
"""Every name that ``metrics.names`` may hold."""

OF_THE_MAP = {"coverage", "map_error_px"}
"""Metrics that judge the map M, not the frames."""

NOT_PLACED = "conditioner=none: the figure's position is not tied to the render"


def check_names(names: Iterable[str]) -> None:
    """Refuse unknown and repeated names.

    Raises:
        ConfigError: naming the first such name and the choices.
    """
    seen: set[str] = set()
    for name in names:
        check_choice("metrics.names", name, METRICS)
        if name in seen:
            raise ConfigError(f"metrics.names holds '{name}' twice: name each metric once")
        seen.add(name)


def needs_of(names: Iterable[str]) -> set[str]:
    """Return all inputs that the named metrics need besides the frames."""
    return {need for name in names for need in METRICS[name].needs}


def compute(names: list[str], evidence: Evidence, *, placed: bool = True) -> list[Score]:
    """Return the named scores in order; a score whose input is missing has no value but a reason.

    Args:
        names: names of metrics; all are checked before the first is computed.
        evidence: the video and what is known of it.
        placed: whether the conditions determine where the figure is; if not, scores that rely on this have no value.

    Raises:
        ConfigError: if a name is unknown.
        ShapeError: if frames, conditions and map do not match.
        WeightsError: if weights exist but are damaged.
    """
    check_names(names)
    return [_score(name, evidence, placed) for name in names]


def as_record(scores: Iterable[Score]) -> tuple[dict[str, Any], dict[str, list[float | None]]]:
    """Return scores in the form of ``metrics.json``: values with their reasons, and the series."""
    metrics: dict[str, Any] = {}
    per_pair = {}
    for score in scores:
        metrics[score.name] = score.value
        if score.reason is not None:
            metrics[f"{score.name}_reason"] = score.reason
        if score.per_pair is not None:
            per_pair[score.name] = list(score.per_pair)
    return metrics, per_pair


def _score(name: str, evidence: Evidence, placed: bool) -> Score:
    metric = METRICS[name]
    if not placed and name not in OF_THE_MAP and {"mask", "mesh", "map"} & set(metric.needs):
        return Score(name, None, reason=NOT_PLACED)
    for need in metric.needs:
        reason = evidence.lacks(need)
        if reason is not None:
            return Score(name, None, reason=reason)
    return metric.score(evidence)
