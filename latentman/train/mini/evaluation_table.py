"""The evaluation as a Markdown table: scores in rows, models in columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ROWS = (
    ("psnr", "reconstruction, PSNR (dB)", 1.0, 2),
    ("iou", "figure where the depth has it, mask IoU", 1.0, 3),
    ("character", "character right (%)", 100.0, 1),
    ("colour", "main colour right (%)", 100.0, 1),
    ("place", "place right (%)", 100.0, 1),
    ("character_known", "character right, among the shipped model's words (%)", 100.0, 1),
    ("colour_known", "main colour right, among these (%)", 100.0, 1),
    ("place_known", "place right, among these (%)", 100.0, 1),
    ("frechet", "Frechet distance to the drawn pictures", 1.0, 1),
)
"""Key, heading, factor and decimals of each score."""


def as_table(results: Mapping[str, Mapping[str, Any]], prompts: int) -> str:
    """Return Markdown; ``results`` are the scores of every model, and of the drawn pictures, by name."""
    names = list(results)
    lines = ["| score | " + " | ".join(names) + " |", "| :-- |" + " --: |" * len(names)]
    for key, heading, factor, digits in _ROWS:
        cells = [_cell(results[name].get(key), factor, digits) for name in names]
        if any(cell != "-" for cell in cells):
            lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"{prompts} held-out prompts. In brackets: the interval that holds 95 %. The column of the drawn pictures is "
        "what the judges make of the truth, and so the most that a model can reach with them.",
        "",
    ]
    return "\n".join(lines)


def _cell(score: Any, factor: float, digits: int) -> str:
    if score is None:
        return "-"
    if not isinstance(score, Mapping):
        return f"{factor * score:.{digits}f}"
    if score["value"] is None:
        return "-"
    told = f"{factor * score['value']:.{digits}f}"
    if score["low"] is None:
        return told
    return f"{told} [{factor * score['low']:.{digits}f}, {factor * score['high']:.{digits}f}]"
