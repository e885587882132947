"""The bars of a run's page as plain SVG, whose colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence


def nice_ceiling(value: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5, 10 times a power of ten that is not below ``value``; 1 for zero or less."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-12))


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
