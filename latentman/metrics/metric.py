"""What a metric is: a score, and what it needs besides the frames.

A module of this package that measures something ends with a table ``METRICS`` of its metrics by name. ``compute`` finds
them there, and ``conf/metrics/*.yaml`` chooses from the names. Another package declares a :class:`Metric` as an entry
point of the group ``latentman.metrics``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latentman.types import Score


@dataclass(frozen=True, slots=True)
class Metric:
    """A score, and what it needs."""

    score: Callable[[Any], Score]
    """From :class:`~latentman.metrics.evidence.Evidence` to a score of the same name."""
    needs: tuple[str, ...] = ()
    """What it reads besides the frames, any of ``evidence.NEEDS``; the first that is missing is reported."""
    of_the_map: bool = False
    """Whether it judges the map M, not the frames."""
