"""The tables of ``latentman bench solver``, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from latentman.bench.solver.measure import PLAIN
from latentman.bench.solver.results import (
    CLIP_SIZE,
    Case,
    Clip,
    Measured,
    find,
    growth,
    label,
    largest_difference,
    seconds,
)

_NOTHING = "–"


def tables(measured: Sequence[Measured], clips: Sequence[Clip]) -> str:
    """Return all tables, each below a line that describes it."""
    cases = list(dict.fromkeys(m.case for m in measured))
    solvers = list(dict.fromkeys(m.solver for m in measured))
    parts = [
        ("The problems, of a frame and the one before:", _problems(cases)),
        (f"CPU seconds of one thread for a pair of frames; in brackets relative to {label(PLAIN)}:",
         _by_case(solvers, cases, lambda s, c: _cost(measured, s, c, PLAIN))),
    ]  # fmt: skip
    if "lapsolver" in solvers:
        title = "Relative to lapsolver, the solver of the released code:"
        parts.append((title, _by_case(solvers, cases, lambda s, c: _ratio(measured, s, c, "lapsolver"))))
    parts.append(("Growth: e of seconds ~ pixels^e:", _growths(measured, solvers, cases)))
    large = [case for case in cases if any(m.case == case and m.figures.memory is not None for m in measured)]
    if large:
        title = "Peak memory over the process before, MB:"
        parts.append((title, _by_case(solvers, large, lambda s, c: _memory(measured, s, c))))
    proven = [s for s in solvers if any(m.solver == s and m.figures.gap is not None for m in measured)]
    if proven:
        title = "The independent certificate's own CPU seconds, not part of those above:"
        parts.append((title, _by_case(proven, cases, lambda s, c: _certificate(measured, s, c))))
    parts.append((f"Answers: all cases together; cost against {label(PLAIN)}:", _answers(measured, solvers)))
    if clips:
        parts.append((f"A clip of 8 frames on the grid of {CLIP_SIZE}:", _clips(clips)))
    return "\n".join(f"{title}\n\n{table}" for title, table in parts)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, all columns but the first aligned to the right."""
    lines = [heads, [":--", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _by_case(solvers: Sequence[str], cases: Sequence[Case], cell: Callable[[str, Case], str]) -> str:
    """Return a table with a row for each solver and a column for each case, clean ones first."""
    ordered = sorted(cases, key=lambda case: (case.flavour, case.size))
    heads = ["solver", *(f"{case.flavour} {case.size}" for case in ordered)]
    return table(heads, [[label(solver), *(cell(solver, case) for case in ordered)] for solver in solvers])


def _problems(cases: Sequence[Case]) -> str:
    heads = ("case", "body pixels", "largest part", "parts", "sum of n·m, millions", "parts with n ≠ m")
    rows = [
        (f"{c.flavour} {c.size}", f"{c.body_pixels:,.0f}", f"{c.largest_part:,}", f"{c.parts:.3g}",
         f"{c.products / 1e6:.3g}", f"{c.unequal:.0%}")
        for c in sorted(cases, key=lambda case: (case.flavour, case.size))
    ]  # fmt: skip
    return table(heads, rows)


def _cost(measured: Sequence[Measured], solver: str, case: Case, base: str) -> str:
    value = seconds(measured, solver, case.size, case.flavour)
    if value is None:
        return _NOTHING
    return f"{value:.2g}" if solver == base else f"{value:.2g} ({_ratio(measured, solver, case, base)})"


def _ratio(measured: Sequence[Measured], solver: str, case: Case, base: str) -> str:
    ours, theirs = (seconds(measured, name, case.size, case.flavour) for name in (solver, base))
    return _NOTHING if ours is None or theirs is None else f"× {ours / theirs:.2g}"


def _growths(measured: Sequence[Measured], solvers: Sequence[str], cases: Sequence[Case]) -> str:
    sizes = sorted({case.size for case in cases})
    flavours = sorted({case.flavour for case in cases})
    spans = [(flavour, small, large) for flavour in flavours for small, large in pairwise(sizes)]
    heads = ["solver", *(f"{flavour} {small} → {large}" for flavour, small, large in spans)]
    rows = []
    for solver in solvers:
        found = [growth(measured, solver, (small, large), flavour) for flavour, small, large in spans]
        rows.append([label(solver), *(_NOTHING if e is None else f"{e:.2f}" for e in found)])
    return table(heads, rows)


def _memory(measured: Sequence[Measured], solver: str, case: Case) -> str:
    found = find(measured, solver, case.size, case.flavour)
    return _NOTHING if found is None or found.figures.memory is None else f"{found.figures.memory / 1e6:.0f}"


def _certificate(measured: Sequence[Measured], solver: str, case: Case) -> str:
    found = find(measured, solver, case.size, case.flavour)
    if found is None or found.figures.certificate_seconds is None:
        return _NOTHING
    return f"{found.figures.certificate_seconds / case.pairs:.2g}"


def _answers(measured: Sequence[Measured], solvers: Sequence[str]) -> str:
    heads = ("solver", "least share of pixels matched", "largest relative difference of cost",
             "largest gap / (1 + cost)")  # fmt: skip
    rows = []
    for solver in solvers:
        figures = [m.figures for m in measured if m.solver == solver]
        share = min(f.matched / f.possible for f in figures)
        difference = largest_difference(measured, solver)
        gap = max((f.gap for f in figures if f.gap is not None), default=None)
        rows.append((
            label(solver), f"{share:.1%}", _NOTHING if difference is None else f"{difference:+.1e}",
            "no proof" if gap is None else f"{gap:.1e}",
        ))  # fmt: skip
    return table(heads, rows)


def _clips(clips: Sequence[Clip]) -> str:
    rows = [(clip.flavour, clip.solver, str(clip.workers), f"{clip.seconds:.2f}") for clip in clips]
    return table(("flavour", "solver", "workers", "wall seconds"), rows)
