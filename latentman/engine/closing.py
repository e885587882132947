"""The closing lines of a run: its video, its page, its score and the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentman.report.baseline import change_percent


def closing_lines(folder: Path, metrics: Mapping[str, Any], baseline: float | None = None) -> list[str]:
    """Return the lines with which a run ends on the terminal.

    Args:
        folder: of the run.
        metrics: its scores; ``human_mse_reason`` says why there is none.
        baseline: H_MSE of the run that it is compared with; None without one.
    """
    lines = [f"video  {folder / 'video.mp4'}", f"page   {folder / 'index.html'}"]
    value = metrics.get("human_mse")
    if not isinstance(value, float):
        return [*lines, f"H_MSE  not available ({metrics.get('human_mse_reason')})"]
    if baseline is None:
        return [*lines, f"H_MSE  {value:.1f}"]
    change = f", {change_percent(value, baseline):+.1f} %" if baseline else ""
    return [*lines, f"H_MSE  {value:.1f}  (baseline {baseline:.1f}{change})"]
