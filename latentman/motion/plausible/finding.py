"""What a check reports: something implausible, where it is, and what to set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentman.motion.skeleton import Floats

Flags = NDArray[np.bool_]

RIG = "map the right joints in a rig file (motion.rig=FILE)"
SIDES = (
    "set motion.mirror=axes (left-handed axes) or sides (exchanged names), or map the right joints (motion.rig=FILE)"
)

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something implausible: ``what`` it is, in which ``frames`` (half-open ranges), and what to set (``advice``).

    Without frames it holds for the whole clip.
    """

    what: str
    frames: tuple[tuple[int, int], ...]
    advice: str

    def text(self, first: int = 0) -> str:
        """Return one line, counting frames from ``first``."""
        shown = [f"{first + a}" if b - a == 1 else f"{first + a} to {first + b - 1}" for a, b in self.frames[:_SHOWN]]
        more = f" and {len(self.frames) - _SHOWN} more places" if len(self.frames) > _SHOWN else ""
        where = f" (frames {', '.join(shown)}{more})" if shown else ""
        return f"{self.what}{where}; {self.advice}"


def where(bad: Flags) -> tuple[tuple[int, int], ...]:
    """Return the half-open ranges of the frames (T,) that are bad."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(np.int8)))
    return tuple((int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))


def finding(what: str, bad: Flags, advice: str) -> Finding | None:
    """Return a finding for the frames (T,) that are bad, None if there are none."""
    return Finding(what, where(bad), advice) if bad.any() else None


def after_first(steps: Flags) -> Flags:
    """Return flags (T,) of frames from flags (T-1,) of the steps that lead to them."""
    return np.concatenate([[False], steps])


def angle(first: Floats, second: Floats) -> Floats:
    """Return the degrees between unit vectors (..., 3)."""
    degrees: Floats = np.degrees(np.arccos(np.clip((first * second).sum(axis=-1), -1.0, 1.0)))
    return degrees


def turned(first: Floats, second: Floats) -> Floats:
    """Return the degrees by which rotations (T, 3, 3) differ."""
    trace = np.einsum("tij,tij->t", first, second)
    degrees: Floats = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1.0, 1.0)))
    return degrees
