"""CPU seconds against pixels as plain SVG: two panels, logarithmic both ways, a line for every solver."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
_INK, _PALE, _GRID = "#24231f", "#6b6963", "#e4e2dd"
_COLOURS = ("#9a3324", "#2f6f8f", "#d08a1d", "#4d7c3f", "#7a4d8c", "#8a8478", "#b8527a", "#3d4a9c")

_WIDTH, _HEIGHT = 380.0, 360.0
"""Inner size of a panel in pixels."""

_LEFT, _TOP, _BETWEEN, _NAMES, _BELOW = 74.0, 40.0, 40.0, 150.0, 62.0
_LABEL_GAP = 16.0
"""Least distance of two names of lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """One solver: its name and its points (body pixels, CPU seconds), pixels ascending."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Axis:
    """Maps the decades from 10^low to 10^high onto ``length`` pixels."""

    low: float
    high: float
    length: float

    def at(self, value: float) -> float:
        return (math.log10(value) - self.low) / (self.high - self.low) * self.length


def cost_plot(panels: Mapping[str, Sequence[Line]]) -> str:
    """Return an SVG file with a panel for each title; a solver has one colour in all, and its name at its line's end.

    Args:
        panels: lines under the title of their panel; at least one point in all; values above 0.
    """
    points = [point for lines in panels.values() for line in lines for point in line.points]
    pixels, seconds = ([p[axis] for p in points] for axis in (0, 1))
    across = _Axis(math.log10(min(pixels)) - 0.08, math.log10(max(pixels)) + 0.08, _WIDTH)
    up = _Axis(math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)) + 1e-9), _HEIGHT)
    colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(_names(panels))}
    width = len(panels) * (_LEFT + _WIDTH + _NAMES) + (len(panels) - 1) * _BETWEEN
    height = _TOP + _HEIGHT + _BELOW
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:g} {height:g}' width='{width:g}' "
        f"height='{height:g}' role='img' {_FONT} font-size='13'>",
        "<title>CPU seconds of each solver for a pair of frames, against body pixels</title>",
        f"<rect width='{width:g}' height='{height:g}' fill='#ffffff'/>",
    ]
    for index, (title, lines) in enumerate(panels.items()):
        x = _LEFT + index * (_LEFT + _WIDTH + _NAMES + _BETWEEN)
        parts.append(f"<g transform='translate({x:g} {_TOP:g})'>")
        parts += _frame(title, across, up)
        parts += _curves(lines, colours, across, up)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>\n"])


def _names(panels: Mapping[str, Sequence[Line]]) -> list[str]:
    return list(dict.fromkeys(line.name for lines in panels.values() for line in lines))


def _frame(title: str, across: _Axis, up: _Axis) -> list[str]:
    """Return the title, the grid with its numbers, and the names of the axes."""
    parts = [f"<text x='0' y='-16' fill='{_INK}' font-size='15' font-weight='600'>{escape(title)}</text>"]
    for power in range(int(up.low), int(up.high) + 1):
        y = _HEIGHT - up.at(10.0**power)
        parts.append(f"<line x1='0' x2='{_WIDTH:g}' y1='{y:.1f}' y2='{y:.1f}' stroke='{_GRID}'/>")
        parts.append(_text(-8, y + 4, f"{10.0**power:g}", "end"))
    for tick in _ticks(across):
        x = across.at(tick)
        parts.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='0' y2='{_HEIGHT:g}' stroke='{_GRID}'/>")
        parts.append(_text(x, _HEIGHT + 18, f"{tick:,.0f}", "middle"))
    parts.append(_text(_WIDTH / 2, _HEIGHT + 42, "body pixels of a frame", "middle"))
    middle = _HEIGHT / 2
    parts.append(
        f"<text transform='translate(-54 {middle:g}) rotate(-90)' text-anchor='middle' fill='{_PALE}' "
        f"font-size='12'>CPU seconds for a pair of frames</text>"
    )
    return parts


def _ticks(axis: _Axis) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten within an axis."""
    powers = range(math.floor(axis.low), math.ceil(axis.high) + 1)
    values = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    return [value for value in values if axis.low <= math.log10(value) <= axis.high]


def _curves(lines: Sequence[Line], colours: Mapping[str, str], across: _Axis, up: _Axis) -> list[str]:
    """Return the lines with a dot for each point, and their names to the right, kept apart from each other."""
    parts, ends = [], []
    for line in lines:
        colour = colours[line.name]
        places = [(across.at(px), _HEIGHT - up.at(s)) for px, s in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f"<path d='M{path}' stroke='{colour}' stroke-width='2' fill='none'/>")
        for (x, y), (px, s) in zip(places, line.points, strict=True):
            tip = f"{line.name}: {px:,.0f} pixels, {s:.3g} s"
            parts.append(
                f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{colour}'><title>{escape(tip)}</title></circle>"
            )
        ends.append((places[-1], line.name))
    ends.sort(key=_height)
    for ((x, end), name), y in zip(ends, _apart([_height(end) for end in ends]), strict=True):
        colour = colours[name]
        parts.append(
            f"<path d='M{x + 6:.1f} {end:.1f}L{_WIDTH + 8:g} {y:.1f}' stroke='{colour}' stroke-width='0.8' "
            f"stroke-dasharray='2 3' fill='none'/>"
        )
        parts.append(f"<text x='{_WIDTH + 12:g}' y='{y + 4:.1f}' fill='{colour}'>{escape(name)}</text>")
    return parts


def _height(end: tuple[tuple[float, float], str]) -> float:
    return end[0][1]


def _apart(heights: Sequence[float]) -> list[float]:
    """Return ascending heights moved apart to at least the gap, and up again where the last would leave the panel."""
    moved: list[float] = []
    for y in heights:
        moved.append(max(y, moved[-1] + _LABEL_GAP) if moved else y)
    limit = _HEIGHT
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - _LABEL_GAP
    return moved


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{_PALE}' font-size='12'>{text}</text>"
