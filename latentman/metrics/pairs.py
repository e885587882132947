"""Scores that are measured for each pair of frames and then averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentman.types import Score

NO_MATCHES = "no two frames of the clip have matched pixels"
"""Why a score over matched pixels has no value."""


def mean_of_pairs(name: str, unit: str, per_pair: Sequence[float | None], reason: str) -> Score:
    """Return the mean over the pairs that have a value; ``reason`` is kept if none has."""
    known = [value for value in per_pair if value is not None]
    return Score(
        name=name,
        value=float(np.mean(known)) if known else None,
        unit=unit,
        per_pair=tuple(per_pair),
        reason=None if known else reason,
    )
