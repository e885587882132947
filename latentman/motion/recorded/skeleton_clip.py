"""A moving skeleton as a file has it, before anything is known about its joints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from latentman.types import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SkeletonClip:
    """Named joints of a file over time, in its own unit and axes.

    Attributes:
        path: the file, for messages.
        names: the J joints, in an order in which parents come first.
        parents: index of each joint's parent, -1 for a root.
        positions: (T, J, 3) places of the joints.
    """

    path: Path
    names: tuple[str, ...]
    parents: tuple[int, ...]
    positions: Array

    def descends(self, joint: int, ancestor: int) -> bool:
        """Return whether ``joint`` is below ``ancestor`` in the tree."""
        above = self.parents[joint]
        while above >= 0 and above != ancestor:
            above = self.parents[above]
        return above == ancestor
