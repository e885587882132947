"""Bar plots as plain SVG, so that a report needs no plotting library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import pandas as pd

_FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"


def nice_ceiling(value: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5, 10 times a power of ten that is not below ``value``; 1 for zero or less."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-12))


def variant_bars(summary: pd.DataFrame, metric: str = "human_mse", name: str = "H_MSE") -> str:
    """Return a metric's mean per variant as horizontal bars, the standard deviation as error bars, one SVG file.

    Args:
        summary: as from ``summarise``.
        metric: one of which lower is better.
        name: what it is called, as plain text.
    """
    rows = [
        (str(r["variant"]), r[f"{metric}_mean"], r[f"{metric}_std"], r["is_baseline"]) for _, r in summary.iterrows()
    ]
    left = 24 + 8 * max(len(label) for label, *_ in rows)
    width, height = left + 420, 34 * len(rows) + 62
    reach = [mean + (0 if pd.isna(std) else std) for _, mean, std, _ in rows if not pd.isna(mean)]
    top = nice_ceiling(max(reach, default=1.0))
    scale = 320 / top
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
        f"role='img' {_FONT} font-size='13'>",
        f"<title>Mean {escape(name)} of each variant</title>",
        f"<rect width='{width}' height='{height}' fill='#ffffff'/>",
    ]
    for tick in range(5):
        x = left + 320 * tick / 4
        parts.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='14' y2='{height - 44}' stroke='#e4e2dd'/>")
        parts.append(
            f"<text x='{x:.1f}' y='{height - 28}' text-anchor='middle' fill='#6b6963' font-size='11'>"
            f"{top * tick / 4:g}</text>"
        )
    for index, (label, mean, std, baseline) in enumerate(rows):
        parts += _bar(index, label, mean, std, left=left, scale=scale, colour="#a8a49b" if baseline else "#2f6f8f")
    note = f"{escape(name)}, lower is better; error bars: standard deviation"
    parts.append(f"<text x='{left}' y='{height - 8}' fill='#6b6963' font-size='11'>{note}</text></svg>\n")
    return "\n".join(parts)


def _bar(index: int, label: str, mean: float, std: float, *, left: int, scale: float, colour: str) -> list[str]:
    y = 20 + 34 * index
    parts = [f"<text x='{left - 10}' y='{y + 16}' text-anchor='end' fill='#24231f'>{escape(label)}</text>"]
    if pd.isna(mean):
        return [*parts, f"<text x='{left + 6}' y='{y + 16}' fill='#9a3324'>no finished run</text>"]
    end = left + mean * scale
    parts.append(f"<rect x='{left}' y='{y}' width='{mean * scale:.1f}' height='22' rx='2' fill='{colour}'/>")
    if not pd.isna(std):
        low, high, middle = max(left, end - std * scale), end + std * scale, y + 11
        path = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10M{high:.1f} {middle - 5}v10"
        parts.append(f"<path d='{path}' stroke='#24231f' stroke-width='1.3' fill='none'/>")
        end = high
    return [*parts, f"<text x='{end + 8:.1f}' y='{y + 16}' fill='#24231f'>{mean:.1f}</text>"]


def pair_bars(values: Sequence[float | None]) -> str:
    """Return H_MSE per pair of frames as an inline SVG whose colours come from the page's style sheet.

    Args:
        values: one per pair; None where the pair has no value.
    """
    known = [value for value in values if value is not None]
    top = nice_ceiling(max(known, default=1.0))
    step = min(64.0, 600 / max(1, len(values)))
    width, base, tall = 44 + step * len(values) + 6, 128, 118
    every = max(1, math.ceil(34 / step))
    parts = [
        f'<svg class="bars" viewBox="0 0 {width:.0f} 152" width="{width:.0f}" role="img" '
        f'aria-label="H_MSE of {len(values)} pairs of frames, axis from 0 to {top:g}">'
    ]
    for tick in range(3):
        y = base - tall * tick / 2
        parts.append(f'<line class="grid" x1="40" x2="{width:.0f}" y1="{y:.0f}" y2="{y:.0f}"/>')
        parts.append(f'<text x="34" y="{y + 4:.0f}" text-anchor="end">{top * tick / 2:g}</text>')
    for index, value in enumerate(values):
        x = 44 + step * index
        name = f"pair {index + 1}"
        if value is None:
            parts.append(
                f'<text x="{x + step / 2:.1f}" y="{base - 4}" text-anchor="middle">–'
                f"<title>{name}: no value</title></text>"
            )
        else:
            tall_bar = tall * value / top
            parts.append(
                f'<rect class="bar" data-pair="{index + 1}" x="{x + step * 0.14:.1f}" y="{base - tall_bar:.1f}" '
                f'width="{step * 0.72:.1f}" height="{tall_bar:.1f}"><title>{name}: {value:.2f}</title></rect>'
            )
        if index % every == 0:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{base + 16}" text-anchor="middle">{index + 1}</text>')
    return "".join([*parts, "</svg>"])
