"""The targets of the solvers, and whether this run reached them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latentman.bench.solver.maps import FLAVOURS
from latentman.bench.solver.measure import PLAIN
from latentman.bench.solver.results import Clip, Measured, find, growth, label, seconds

Seconds = Callable[[str, int, str], float | None]

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Target:
    """Something that must not exceed ``limit``; ``value`` is None where it was not measured."""

    text: str
    value: float | None
    limit: float
    form: str = "{:.3g}"

    def line(self) -> str:
        """Return the target as a line of a list."""
        if self.value is None:
            return f"- not measured: {self.text} at most {self.form.format(self.limit)}"
        verdict = "reached" if self.value <= self.limit else "missed"
        values = [self.form.format(v) for v in (self.value, self.limit)]
        return f"- {verdict}: {self.text} {values[0]}, at most {values[1]}"


def target_lines(measured: Sequence[Measured], clips: Sequence[Clip]) -> str:
    """Return the targets as a list, one a line."""
    return "Targets:\n\n" + "\n".join(target.line() for target in targets(measured, clips)) + "\n"


def targets(measured: Sequence[Measured], clips: Sequence[Clip]) -> list[Target]:
    """Return every target with its measured value."""

    def against(solver: tuple[str, int], other: tuple[str, int], flavour: str) -> float | None:
        ours, theirs = (seconds(measured, *one, flavour) for one in (solver, other))
        return None if ours is None or theirs is None else ours / theirs

    listed = []
    for flavour, share in (("clean", 1 / 10), ("noisy", 1 / 25)):
        for other in (PLAIN, "scipy"):
            value = against(("certified", 512), (other, 512), flavour)
            listed.append(Target(f"certified / {label(other)}, seconds at 512, {flavour}:", value, share))
    for flavour in FLAVOURS:
        value = against(("certified", 512), ("lapsolver", 256), flavour)
        listed.append(Target(f"certified at 512 / lapsolver at 256, seconds, {flavour}:", value, 1.0))
    for flavour in FLAVOURS:
        value = growth(measured, "certified", (256, 512), flavour)
        listed.append(Target(f"certified, growth exponent in pixels from 256 to 512, {flavour}:", value, 1.65))
    for flavour in FLAVOURS:
        found = find(measured, "certified", 512, flavour)
        memory = None if found is None or found.figures.memory is None else found.figures.memory / _MEGABYTE
        listed.append(Target(f"certified, peak memory at 512, {flavour}, in MB:", memory, 100.0))
    for size in (64, 128):
        for flavour in FLAVOURS:
            value = against(("auto", size), ("scipy", size), flavour)
            listed.append(Target(f"auto / scipy, seconds at {size}, {flavour}:", value, 1.1))
    gaps = [m.figures.gap for m in measured if m.solver == "certified" and m.figures.gap is not None]
    listed.append(Target("certified, largest gap / (1 + cost) of a part:", max(gaps, default=None), 1e-9))
    for flavour in FLAVOURS:
        clip = next((c.seconds for c in clips if c.flavour == flavour), None)
        listed.append(Target(f"clip of 8 frames at 256, {flavour}, wall seconds:", clip, 2.0))
    return listed
