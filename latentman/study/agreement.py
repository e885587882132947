"""Krippendorff's alpha: how far people agree beyond what their choices would give by chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Return Krippendorff's alpha for nominal values.

    alpha = 1 - D_o / D_e, where D_o is the share of unequal values among the pairs of values within units, and D_e that
    among all pairs of values. 1 is full agreement, 0 what chance gives, below 0 means that people disagree
    systematically. Units may have any number of values; those with fewer than two say nothing and are left out.

    Args:
        units: for each thing that was judged, the values that it got.

    Returns:
        None if no unit has two values, or all values are equal: then nothing can be said about chance.
    """
    judged = [Counter(values) for values in units if len(values) > 1]
    totals: Counter[Hashable] = Counter()
    for counts in judged:
        totals += counts
    total = sum(totals.values())
    if len(totals) < 2:
        return None
    observed = sum(_unequal_pairs(counts) / (sum(counts.values()) - 1) for counts in judged) / total
    expected = _unequal_pairs(totals) / (total * (total - 1))
    return 1 - observed / expected


def _unequal_pairs(counts: Counter[Hashable]) -> int:
    """Return how many ordered pairs of two of the counted values are unequal."""
    total = sum(counts.values())
    return total * total - sum(count * count for count in counts.values())
